//! What is wrong with a file, where, and what to do about it.
//!
//! A problem is data: readers collect as many as there are, and only the command renders them.

use std::collections::BTreeSet;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use miette::{
    Diagnostic, GraphicalReportHandler, GraphicalTheme, LabeledSpan, NamedSource, SourceCode,
    ThemeCharacters, ThemeStyles,
};

use super::source::Source;

/// How long a line may be, in bytes, that is shown with what is wrong with it.
const LONGEST_LINE: usize = 500;

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// What, in one sentence without a full stop.
    pub message: String,
    /// What stands at the place, in a few words.
    pub label: Option<String>,
    /// What to do about it, if there is advice.
    pub hint: Option<String>,
    place: Option<(Arc<Source>, Range<usize>)>,
    /// Where the file of its place is used, the nearest first, if other files include it.
    used_at: Option<Box<Uses>>,
}

/// The places of other files by which the one of a problem is included, the nearest first. Boxed where it
/// is held, because hardly any problem has one.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct Uses(Vec<(Arc<Source>, Range<usize>)>);

impl Problem {
    /// A problem without a place, yet.
    pub fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            label: None,
            hint: None,
            place: None,
            used_at: None,
        }
    }

    /// Says in which file it stands, and where there.
    #[must_use]
    pub fn at(mut self, source: &Arc<Source>, span: Range<usize>) -> Self {
        let span = source.on_one_line(span);
        self.place = Some((Arc::clone(source), span));
        self
    }

    /// Says where another file uses the one that it stands in. Said again, where that one is used.
    #[must_use]
    pub(crate) fn used_at(mut self, source: &Arc<Source>, span: Range<usize>) -> Self {
        let uses = self.used_at.get_or_insert_default();
        uses.0.push((Arc::clone(source), span));
        self
    }

    /// Says what to do.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Says what stands at the place.
    #[must_use]
    pub fn label(mut self, label: impl Into<String>) -> Self {
        self.label = Some(label.into());
        self
    }

    /// The file, line and column, if it has a place.
    #[must_use]
    pub fn place(&self) -> Option<(&str, usize, usize)> {
        let (source, span) = self.place.as_ref()?;
        let (line, column) = source.line_and_column(span.start);
        Some((source.name(), line, column))
    }
}

impl Problem {
    /// What to do, and by which places of other files it came to that.
    fn advice(&self) -> Option<String> {
        let uses = self.used_at.iter().flat_map(|uses| &uses.0);
        let used = uses.map(|(source, span)| {
            let (line, column) = source.line_and_column(span.start);
            format!("used at {}:{line}:{column}", source.name())
        });
        let parts: Vec<String> = self.hint.iter().cloned().chain(used).collect();
        (!parts.is_empty()).then(|| parts.join("; "))
    }

    /// Whether the lines around its place are short enough to be shown.
    fn can_be_drawn(&self) -> bool {
        self.place.as_ref().is_none_or(|(source, span)| {
            let text = source.text().as_bytes();
            let is_end = |byte: &u8| *byte == b'\n';
            let place = span.start.min(text.len());
            // The line itself and one on either side.
            let before = text[..place].rsplit(is_end).take(2);
            let after = text[place..].split(is_end).take(2);
            before.chain(after).all(|part| part.len() <= LONGEST_LINE)
        })
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some((file, line, column)) = self.place() {
            write!(out, "{file}:{line}:{column}: ")?;
        }
        out.write_str(&visible(&self.message))?;
        if let Some(advice) = self.advice() {
            write!(out, " ({})", visible(&advice))?;
        }
        Ok(())
    }
}

/// Everything that is wrong with what was read; never empty when it is an error.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Problems(Vec<Problem>);

impl Problems {
    /// All of them, in the order of the files and of the places in them.
    #[must_use]
    pub fn all(&self) -> &[Problem] {
        &self.0
    }

    /// Whether nothing is wrong.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Adds a problem after those that are there.
    pub fn push(&mut self, problem: Problem) {
        self.0.push(problem);
    }

    /// Adds all of `others`.
    pub fn extend(&mut self, others: Self) {
        self.0.extend(others.0);
    }

    /// The same problems, each once: what is wrong with a file that many use is told for the first of them.
    pub(crate) fn each_once(self) -> Self {
        let mut told = BTreeSet::new();
        let is_news = |problem: &Problem| {
            let place = problem.place.as_ref();
            let place = place.map(|(source, span)| (source.name().to_owned(), span.start));
            told.insert((place, problem.message.clone(), problem.hint.clone()))
        };
        Self(self.0.into_iter().filter(is_news).collect())
    }

    /// The same problems, pointing into another copy of their file.
    pub(crate) fn shown_in(mut self, copy: &Arc<Source>) -> Self {
        for (source, _) in self
            .0
            .iter_mut()
            .filter_map(|problem| problem.place.as_mut())
        {
            *source = Arc::clone(copy);
        }
        self
    }

    /// The same problems; those that stand at `end` or behind it point into `rest`, which holds what
    /// follows there.
    pub(crate) fn split_at(mut self, end: usize, rest: &Arc<Source>) -> Self {
        for (source, span) in self
            .0
            .iter_mut()
            .filter_map(|problem| problem.place.as_mut())
            .filter(|(_, span)| span.start >= end)
        {
            *source = Arc::clone(rest);
            *span = span.start - end..span.end.max(span.start) - end;
        }
        self
    }

    /// What is wrong and what to do, on one line and without places: for what was not read from a
    /// file.
    #[must_use]
    pub fn on_one_line(&self) -> String {
        let told = self.0.iter().map(|problem| match &problem.hint {
            Some(hint) => format!("{} ({hint})", problem.message),
            None => problem.message.clone(),
        });
        told.collect::<Vec<_>>().join("; ")
    }

    /// The value, if nothing is wrong.
    ///
    /// # Errors
    /// These problems, if there are any.
    pub fn or<T>(self, value: Option<T>) -> Result<T, Self> {
        match value {
            Some(value) if self.is_empty() => Ok(value),
            None if self.is_empty() => Err(Problem::new("nothing could be read").into()),
            _ => Err(self),
        }
    }

    /// All problems as text for people: source lines with carets, hints, and a count at the end.
    #[must_use]
    pub fn render(&self, rendering: Rendering) -> String {
        let handler = GraphicalReportHandler::new_themed(rendering.theme())
            .with_links(false)
            .with_wrap_lines(false)
            .with_context_lines(1)
            .with_width(100);
        let mut text = String::new();
        for problem in &self.0 {
            let drawn = problem.can_be_drawn()
                && handler
                    .render_report(&mut text, &Shown::new(problem))
                    .is_ok();
            if !drawn {
                text.push_str(&visible(&problem.to_string()));
                text.push('\n');
            }
            text.push('\n');
        }
        let files: BTreeSet<_> = self
            .0
            .iter()
            .filter_map(|problem| problem.place.as_ref())
            .map(|(source, _)| source.name())
            .collect();
        text.push_str(&match (self.0.len(), files.len()) {
            (1, _) => "1 problem\n".to_owned(),
            (count, 0 | 1) => format!("{count} problems\n"),
            (count, files) => format!("{count} problems in {files} files\n"),
        });
        text
    }
}

impl From<Problem> for Problems {
    fn from(problem: Problem) -> Self {
        Self(vec![problem])
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, problem) in self.0.iter().enumerate() {
            if number > 0 {
                out.write_str("\n")?;
            }
            write!(out, "{problem}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Problems {}

/// How problems are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rendering {
    /// ASCII only, no colour: for files, pipes and logs.
    Plain,
    /// Box-drawing characters, no colour: for terminals under `NO_COLOR`.
    Monochrome,
    /// Box-drawing characters and colour.
    Colour,
}

impl Rendering {
    fn theme(self) -> GraphicalTheme {
        match self {
            Self::Plain => GraphicalTheme {
                characters: ThemeCharacters {
                    error: "error:".into(),
                    ..ThemeCharacters::ascii()
                },
                styles: ThemeStyles::none(),
            },
            Self::Monochrome => GraphicalTheme::unicode_nocolor(),
            Self::Colour => GraphicalTheme::unicode(),
        }
    }
}

/// A problem in the form that is rendered: nothing in it can steer a terminal.
#[derive(Debug)]
struct Shown {
    message: String,
    label: Option<String>,
    hint: Option<String>,
    place: Option<(NamedSource<String>, Range<usize>)>,
}

impl Shown {
    fn new(problem: &Problem) -> Self {
        Self {
            message: visible(&problem.message),
            label: problem.label.as_deref().map(visible),
            hint: problem.advice().as_deref().map(visible),
            place: problem.place.as_ref().map(|(source, span)| {
                let text = visible_in_place(source.text());
                (NamedSource::new(visible(source.name()), text), span.clone())
            }),
        }
    }
}

impl fmt::Display for Shown {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.message)
    }
}

impl std::error::Error for Shown {}

impl Diagnostic for Shown {
    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.hint
            .as_ref()
            .map(|hint| Box::new(hint) as Box<dyn fmt::Display>)
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        self.place
            .as_ref()
            .map(|(source, _)| source as &dyn SourceCode)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        let (_, span) = self.place.as_ref()?;
        let label = LabeledSpan::new(self.label.clone(), span.start, span.len().max(1));
        Some(Box::new(std::iter::once(label)))
    }
}

/// Whether a character could steer a terminal or disguise what stands beside it.
fn steers(character: char) -> bool {
    (character.is_control() && character != '\n' && character != '\t')
        || matches!(character, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

fn visible(text: &str) -> String {
    text.chars()
        .map(|character| match character {
            '\n' | '\t' => ' ',
            other if steers(other) => '\u{fffd}',
            other => other,
        })
        .collect()
}

/// As [`visible`], but every byte keeps its place, so that spans still fit.
fn visible_in_place(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for character in text.chars() {
        if character == '\r' {
            shown.push(' ');
        } else if steers(character) {
            shown.extend(std::iter::repeat_n('?', character.len_utf8()));
        } else {
            shown.push(character);
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    fn two_problems() -> Problems {
        let source = Source::new("suite/x.yaml", "name: x\nstps:\n  - do: launch\n");
        let mut problems = Problems::from(
            Problem::new("unknown key `stps`")
                .at(&source, 8..12)
                .hint("did you mean `steps`?"),
        );
        problems.push(Problem::new("no scenarios"));
        problems
    }

    #[test]
    fn plain_rendering_is_ascii_and_shows_file_line_column_and_hint() {
        let text = two_problems().render(Rendering::Plain);
        assert!(text.is_ascii(), "{text}");
        for part in [
            "suite/x.yaml:2:1",
            "stps:",
            "^^^^",
            "did you mean `steps`?",
            "no scenarios",
            "2 problems",
        ] {
            assert!(text.contains(part), "{part} is missing in\n{text}");
        }
    }

    #[test]
    fn a_line_that_nobody_can_read_is_not_shown_but_named() {
        let text = format!("name: x\nsteps: {}!\n", "[".repeat(10_000));
        let source = Source::new("long.yaml", &text);
        let problem = Problem::new("this is nested too deep").at(&source, 10_015..10_016);
        let shown = Problems::from(problem.hint("take a level away")).render(Rendering::Plain);
        assert!(shown.len() < 300, "{} bytes", shown.len());
        assert!(shown.contains("long.yaml:2:10008"), "{shown}");
        assert!(shown.contains("this is nested too deep") && shown.contains("take a level away"));
    }

    #[test]
    fn only_the_coloured_rendering_has_escape_sequences() {
        assert!(two_problems().render(Rendering::Colour).contains('\u{1b}'));
        for rendering in [Rendering::Plain, Rendering::Monochrome] {
            assert!(!two_problems().render(rendering).contains('\u{1b}'));
        }
    }

    #[test]
    fn a_file_cannot_steer_the_terminal() {
        let source = Source::new("x\u{1b}[2J", "a\u{1b}[2J: \u{202e}b\n");
        let problem = Problem::new("unknown key `a\u{1b}[2J`").at(&source, 0..5);
        let text = Problems::from(problem.clone()).render(Rendering::Plain);
        assert!(!text.contains(['\u{1b}', '\u{202e}']), "{text:?}");
        assert!(!problem.to_string()[10..].contains('\u{1b}'));
    }
}
