//! A document as one page without a script, in the look of the page of a run: it opens by double
//! click, loads nothing, and is printed as it is read.

use super::page::{STYLE, hash};
use crate::report::document::{Block, Cell, Document, Line, Piece, Tone};
use crate::report::text::visible;

/// What only documents have.
const OWN: &str = include_str!("document.css");

/// The whole page.
pub(in crate::report) fn render(document: &Document) -> Vec<u8> {
    let style = format!("{}{OWN}", *STYLE);
    let mut page = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src '{}'; \
         base-uri 'none'; form-action 'none'\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n\
         <meta name=\"referrer\" content=\"no-referrer\">\n\
         <title>{}</title>\n<style>{style}</style>\n</head>\n<body>\n<main id=\"page\" class=\"document\">\n",
        hash(&style),
        escaped(&document.title)
    );
    for block in &document.blocks {
        push(&mut page, block);
        page.push('\n');
    }
    page.push_str("</main>\n</body>\n</html>\n");
    page.into_bytes()
}

fn push(page: &mut String, block: &Block) {
    let told = match block {
        Block::Heading(level, told) => {
            let level = (*level).clamp(1, 4);
            format!("<h{level}>{}</h{level}>", escaped(told))
        }
        Block::Banner(tone, told) => {
            format!("<p class=\"banner {}\">{}</p>", class(*tone), escaped(told))
        }
        Block::Said(line) => format!("<p>{}</p>", inline(line)),
        Block::List { ordered, items } => {
            let tag = if *ordered { "ol" } else { "ul" };
            let items = items.iter().map(|own| format!("<li>{}</li>", inline(own)));
            format!("<{tag}>{}</{tag}>", items.collect::<String>())
        }
        Block::Facts(facts) => {
            let facts = facts
                .iter()
                .map(|(name, line)| format!("<dt>{}</dt><dd>{}</dd>", escaped(name), inline(line)));
            format!("<dl class=\"facts\">{}</dl>", facts.collect::<String>())
        }
        Block::Table { head, rows } => table(head, rows),
        Block::Command(command) => format!("<pre tabindex=\"0\">{}</pre>", escaped_lines(command)),
    };
    page.push_str(&told);
}

fn table(head: &[String], rows: &[Vec<Cell>]) -> String {
    let heads = head
        .iter()
        .map(|own| match own.is_empty() {
            true => "<td></td>".to_owned(),
            false => format!("<th scope=\"col\">{}</th>", escaped(own)),
        })
        .collect::<String>();
    let row = |cells: &Vec<Cell>| {
        let cells = cells.iter().enumerate().map(|(at, own)| {
            let class = class(own.tone);
            let told = inline(&own.line);
            match at {
                0 => format!("<th scope=\"row\" class=\"{class}\">{told}</th>"),
                _ => format!("<td class=\"{class}\">{}{told}</td>", sign(own.tone)),
            }
        });
        format!("<tr>{}</tr>", cells.collect::<String>())
    };
    let rows = rows.iter().map(row).collect::<String>();
    format!(
        "<div class=\"wide\" tabindex=\"0\" role=\"group\" aria-label=\"Table\"><table class=\"numbers\"><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table></div>"
    )
}

/// Colour alone tells some people nothing.
fn sign(tone: Tone) -> &'static str {
    match tone {
        Tone::Plain => "",
        Tone::Good => "<span aria-hidden=\"true\">✓ </span>",
        Tone::Odd => "<span aria-hidden=\"true\">? </span>",
        Tone::Bad => "<span aria-hidden=\"true\">✗ </span>",
    }
}

fn class(tone: Tone) -> &'static str {
    match tone {
        Tone::Plain => "plain",
        Tone::Good => "good",
        Tone::Odd => "odd",
        Tone::Bad => "bad",
    }
}

fn inline(line: &Line) -> String {
    let pieces = line.0.iter().map(|piece| match piece {
        Piece::Plain(told) => escaped(told),
        Piece::Strong(told) => format!("<strong>{}</strong>", escaped(told)),
        Piece::Code(told) => format!("<code>{}</code>", escaped(told)),
    });
    pieces.collect()
}

fn escaped(text: &str) -> String {
    visible(text)
        .replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

fn escaped_lines(text: &str) -> String {
    text.lines().map(escaped).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_of_a_text_becomes_markup_and_the_policy_admits_the_style_alone() {
        let hostile = "<script>alert(1)</script>\" onx=\"\u{202e}";
        let mut document = Document {
            title: hostile.to_owned(),
            ..Document::default()
        };
        document.heading(1, hostile);
        document.put(Block::Command(hostile.to_owned()));
        document.put(Block::Table {
            head: vec![hostile.to_owned()],
            rows: vec![vec![Cell::new(
                Tone::Bad,
                Line::from(hostile).code(hostile),
            )]],
        });
        let page = String::from_utf8(render(&document)).unwrap();
        assert!(
            !page.contains("<script") && !page.contains("\" onx"),
            "{page}"
        );
        assert!(page.contains("default-src 'none'; style-src 'sha256-"));
    }
}
