//! A document as one page without a script, in the look of the page of a run: it opens by double
//! click, loads nothing, and is printed as it is read.

use super::page::{STYLE, hash};
use crate::report::document::{Block, Cell, Document, Line, Piece, Tone};
use crate::report::text::visible;

/// What only documents have.
const OWN: &str = include_str!("document.css");

/// How many columns of brief cells fit beside the rest with their words.
const BRIEF: usize = 8;

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
         <title>{}</title>\n<style>{style}</style>\n</head>\n<body>\n<main id=\"page\" class=\"document{}\">\n",
        hash(&style),
        escaped(&document.title),
        if is_broad(document) { " broad" } else { "" }
    );
    for block in &document.blocks {
        push(&mut page, block);
        page.push('\n');
    }
    page.push_str("</main>\n</body>\n</html>\n");
    page.into_bytes()
}

/// Whether a table has so many columns that paper is turned and signs do alone.
fn is_broad(document: &Document) -> bool {
    let mut tables = document.blocks.iter();
    tables.any(|block| match block {
        Block::Table { rows, .. } => rows.iter().any(|cells| {
            let brief = cells.iter().filter(|own| own.brief);
            brief.count() > BRIEF
        }),
        _ => false,
    })
}

fn push(page: &mut String, block: &Block) {
    let told = match block {
        Block::Heading(level, told) => {
            let level = (*level).clamp(1, 4);
            format!("<h{level}>{}</h{level}>", words(told))
        }
        Block::Banner(tone, told) => {
            format!("<p class=\"banner {}\">{}</p>", class(*tone), words(told))
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
                0 => {
                    let code = match own.line.0[..] {
                        [Piece::Code(_)] => " code",
                        _ => "",
                    };
                    format!("<th scope=\"row\" class=\"{class}{code}\">{told}</th>")
                }
                // One character is a sign itself.
                _ if own.brief && told.chars().count() == 1 => {
                    format!("<td class=\"{class} brief\">{told}</td>")
                }
                _ if own.brief => format!(
                    "<td class=\"{class} brief\">{}<span class=\"word\">{told}</span></td>",
                    sign(
                        own.tone,
                        "<span class=\"alone\" aria-hidden=\"true\">○</span>"
                    )
                ),
                _ => format!("<td class=\"{class}\">{}{told}</td>", sign(own.tone, "")),
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
fn sign(tone: Tone, plain: &'static str) -> &'static str {
    match tone {
        Tone::Plain => plain,
        Tone::Good => "<span aria-hidden=\"true\">✓ </span>",
        Tone::Odd => "<span aria-hidden=\"true\">? </span>",
        Tone::Bad => "<span aria-hidden=\"true\">✗ </span>",
    }
}

fn class(tone: Tone) -> &'static str {
    match tone {
        Tone::Plain => "neither",
        Tone::Good => "good",
        Tone::Odd => "odd",
        Tone::Bad => "bad",
    }
}

fn inline(line: &Line) -> String {
    let pieces = line.0.iter().map(|piece| match piece {
        Piece::Plain(told) => words(told),
        Piece::Strong(told) => format!("<strong>{}</strong>", words(told)),
        Piece::Code(told) => format!("<code>{}</code>", escaped(told)),
    });
    pieces.collect()
}

/// A text that may name things `like this`, with days that no line breaks.
fn words(text: &str) -> String {
    let pieces: Vec<&str> = text.split('`').collect();
    let last = pieces.len() - 1;
    let told = pieces.iter().enumerate().map(|(at, piece)| {
        match at % 2 == 1 && at < last {
            true => format!("<code>{}</code>", escaped(piece)),
            // What has no end is no name.
            false if at % 2 == 1 => format!("`{}", whole_days(piece)),
            false => whole_days(piece),
        }
    });
    told.collect()
}

fn whole_days(text: &str) -> String {
    let words = text.split_inclusive(' ').map(|word| {
        let bare = word.trim_end_matches([' ', ',', ':', '.']);
        let is_day = bare.len() == 10 && bare.parse::<jiff::civil::Date>().is_ok();
        match is_day {
            true => format!("<time>{bare}</time>{}", &word[bare.len()..]),
            false => escaped(word),
        }
    });
    words.collect()
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
    fn days_stay_whole_and_names_between_ticks_are_set_apart() {
        assert_eq!(
            words("on 2026-11-29, `run --checks` <b>"),
            "on <time>2026-11-29</time>, <code>run --checks</code> &lt;b&gt;"
        );
        assert_eq!(words("a ` alone, 2026-13-01"), "a ` alone, 2026-13-01");
    }

    #[test]
    fn many_nights_are_told_by_signs_on_paper_that_is_turned() {
        let of = |nights: usize| {
            let mut document = Document::default();
            let night = Cell::new(Tone::Good, "proven").brief();
            let mut row = vec![Cell::plain("id")];
            row.extend(std::iter::repeat_n(night, nights));
            document.put(Block::Table {
                head: Vec::new(),
                rows: vec![row],
            });
            String::from_utf8(render(&document)).unwrap()
        };
        assert!(of(7).contains("class=\"document\""));
        let month = of(31);
        assert!(month.contains("class=\"document broad\""));
        assert_eq!(
            month.matches("<span class=\"word\">proven</span>").count(),
            31
        );
    }

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
