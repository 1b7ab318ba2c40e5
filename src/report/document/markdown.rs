//! A document as Markdown, in the dialect that GitHub, GitLab and most editors show.

use super::{Block, Cell, Document, Line, Piece, Tone};
use crate::report::text::visible;

/// The whole text.
pub(in crate::report) fn render(document: &Document) -> Vec<u8> {
    let mut text = String::new();
    for block in &document.blocks {
        push(&mut text, block);
        text.push('\n');
    }
    text.into_bytes()
}

fn push(text: &mut String, block: &Block) {
    match block {
        Block::Heading(level, told) => {
            let marks = "#".repeat(usize::from(*level).clamp(1, 6));
            text.push_str(&format!("{marks} {}\n", escaped(told)));
        }
        Block::Banner(tone, told) => {
            let sign = match tone {
                Tone::Plain => "",
                Tone::Good => "✅ ",
                Tone::Odd => "❔ ",
                Tone::Bad => "⛔ ",
            };
            text.push_str(&format!("> {sign}**{}**\n", escaped(told)));
        }
        Block::Said(line) => text.push_str(&format!("{}\n", inline(line))),
        Block::List { ordered, items } => {
            for (at, item) in items.iter().enumerate() {
                let mark = match ordered {
                    true => format!("{}.", at + 1),
                    false => "-".to_owned(),
                };
                text.push_str(&format!("{mark} {}\n", inline(item)));
            }
        }
        Block::Facts(facts) => {
            text.push_str("| | |\n|---|---|\n");
            for (name, line) in facts {
                text.push_str(&format!("| {} | {} |\n", escaped(name), cell(line)));
            }
        }
        Block::Table { head, rows } => {
            let heads: Vec<String> = head.iter().map(|own| escaped(own)).collect();
            text.push_str(&format!("| {} |\n", heads.join(" | ")));
            text.push_str(&format!("|{}\n", "---|".repeat(head.len())));
            for row in rows {
                let cells: Vec<String> = row.iter().map(marked).collect();
                text.push_str(&format!("| {} |\n", cells.join(" | ")));
            }
        }
        Block::Command(command) => text.push_str(&fenced(command)),
    }
}

/// A cell with a sign for how it stands, for whoever only looks for those.
fn marked(own: &Cell) -> String {
    let told = cell(&own.line);
    let sign = match own.tone {
        Tone::Plain => return told,
        Tone::Good => "✓",
        Tone::Odd => "?",
        Tone::Bad => "✗",
    };
    format!("{sign} {told}")
}

/// A bar ends a cell, in code as well.
fn cell(line: &Line) -> String {
    let pieces = line.0.iter().map(|piece| match piece {
        Piece::Code(told) => code(told).replace('|', "\\|"),
        other => self::piece(other),
    });
    pieces.collect()
}

fn inline(line: &Line) -> String {
    line.0.iter().map(piece).collect()
}

fn piece(piece: &Piece) -> String {
    match piece {
        Piece::Plain(told) => spaced(told, &escaped(told)),
        Piece::Strong(told) => format!("**{}**", escaped(told)),
        Piece::Code(told) => code(told),
    }
}

/// Spaces at its ends part a piece from its neighbours.
fn spaced(raw: &str, told: &str) -> String {
    let (before, after) = (raw.starts_with(' '), raw.ends_with(' ') && !told.is_empty());
    let space = |wanted| if wanted { " " } else { "" };
    format!("{}{told}{}", space(before), space(after))
}

/// A fence that is longer than any in the text cannot be ended by it.
fn fence(text: &str, least: usize) -> String {
    let runs = text.split(|char| char != '`').map(str::len);
    "`".repeat(runs.max().map_or(least, |longest| least.max(longest + 1)))
}

/// The words of a text, with nothing between them but spaces.
fn one_line(text: &str) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    visible(&words.join(" ")).into_owned()
}

fn code(text: &str) -> String {
    let line = one_line(text);
    if line.is_empty() {
        return line;
    }
    let fence = fence(&line, 1);
    let pad = if line.starts_with('`') || line.ends_with('`') {
        " "
    } else {
        ""
    };
    format!("{fence}{pad}{line}{pad}{fence}")
}

fn fenced(text: &str) -> String {
    let lines: Vec<_> = text.lines().map(visible).collect();
    let fence = fence(text, 3);
    format!("{fence}\n{}\n{fence}\n", lines.join("\n"))
}

/// One line in which nothing is markup.
pub(in crate::report) fn escaped(text: &str) -> String {
    let line = one_line(text);
    let mut safe = String::with_capacity(line.len() + 8);
    for char in line.chars() {
        match char {
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '&' => safe.push_str("&amp;"),
            // An @ would call somebody, and a # an issue.
            '@' => safe.push_str("&#64;"),
            '#' => safe.push_str("&#35;"),
            '\\' | '`' | '*' | '_' | '[' | ']' | '|' | '~' => {
                safe.push('\\');
                safe.push(char);
            }
            char => safe.push(char),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_of_a_text_becomes_markup_in_a_cell_a_heading_or_code() {
        let hostile = "a | b `c` <img src=x>\n# d";
        let mut document = Document::default();
        document.heading(1, hostile);
        document.put(Block::Table {
            head: vec!["x".to_owned()],
            rows: vec![vec![Cell::plain(Line::default().code(hostile))]],
        });
        document.put(Block::Command("```\nrm".to_owned()));
        let text = String::from_utf8(render(&document)).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[0], "# a \\| b \\`c\\` &lt;img src=x&gt; &#35; d");
        assert!(lines[4].starts_with("| ``a \\| b `c` <img"), "{}", lines[4]);
        assert!(lines.contains(&"````"), "{text}");
    }

    #[test]
    fn pieces_of_a_line_keep_their_distance() {
        let line = Line::from("in ").code("x").and(", then ").strong("y");
        assert_eq!(inline(&line), "in `x`, then **y**");
    }
}
