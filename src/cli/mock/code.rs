//! A QR code of characters.

use anstyle::{AnsiColor, Color, Style};
use fast_qr::{ECL, QRBuilder, QRCode};

/// Dark on light, whatever the terminal's own colours are: not every camera reads it the other way round.
const INK: Style = Style::new()
    .fg_color(Some(Color::Ansi(AnsiColor::Black)))
    .bg_color(Some(Color::Ansi(AnsiColor::BrightWhite)));

/// The light border that a reader needs, in modules (ISO/IEC 18004).
const BORDER: usize = 4;

/// A QR code of a text, two modules in each character; nothing for a text that is too long for one.
pub(super) fn qr(text: &str) -> Option<String> {
    let code = QRBuilder::new(text).ecl(ECL::L).build().ok()?;
    let width = code.size + 2 * BORDER;
    let lines = (0..width).step_by(2).map(|row| {
        let line: String = (0..width)
            .map(
                |column| match (dark(&code, row, column), dark(&code, row + 1, column)) {
                    (true, true) => '█',
                    (true, false) => '▀',
                    (false, true) => '▄',
                    (false, false) => ' ',
                },
            )
            .collect();
        format!("  {INK}{line}{INK:#}\n")
    });
    Some(lines.collect())
}

fn dark(code: &QRCode, row: usize, column: usize) -> bool {
    let inside = |at: usize| at.checked_sub(BORDER).filter(|at| *at < code.size);
    match (inside(row), inside(column)) {
        (Some(row), Some(column)) => code[row][column].value(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_has_its_three_corners_and_a_light_border() {
        let code =
            anstream::adapter::strip_str(&qr("http://192.168.1.20:4010").unwrap()).to_string();
        let lines: Vec<&str> = code.lines().collect();
        // Version 2 has 25 modules.
        assert_eq!(lines.len(), (25 + 2 * BORDER).div_ceil(2));
        assert!(
            lines
                .iter()
                .all(|line| line.chars().count() == 2 + 25 + 2 * BORDER)
        );
        assert!(lines[0].trim().is_empty() && lines[1].trim().is_empty());
        assert!(lines[2].starts_with("      █▀▀▀▀▀█") && lines[2].ends_with("█▀▀▀▀▀█    "));
        assert!(qr(&"x".repeat(5000)).is_none());
    }
}
