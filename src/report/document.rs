//! A document for people that is written once and rendered as Markdown or as a page without a script.
//!
//! Text of a backend or an app is set as text in both: nothing of it becomes markup.

pub(super) mod markdown;

/// A document.
#[derive(Debug, Clone, Default)]
pub(super) struct Document {
    /// What stands in the window's title.
    pub(super) title: String,
    /// What stands in it, in order.
    pub(super) blocks: Vec<Block>,
}

/// One part of a document.
#[derive(Debug, Clone)]
pub(super) enum Block {
    /// A heading: 1 is the document's own.
    Heading(u8, String),
    /// What to know before all else.
    Banner(Tone, String),
    /// A paragraph.
    Said(Line),
    /// A list; numbered where its order counts.
    List {
        /// Whether it is numbered.
        ordered: bool,
        /// Its items.
        items: Vec<Line>,
    },
    /// What something is, by name.
    Facts(Vec<(String, Line)>),
    /// Rows of cells below their heads. The first cell of a row names it.
    Table {
        /// What stands over the columns.
        head: Vec<String>,
        /// The rows.
        rows: Vec<Vec<Cell>>,
    },
    /// What is copied and typed.
    Command(String),
}

/// How something stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Tone {
    /// Neither way.
    #[default]
    Plain,
    /// As it should be.
    Good,
    /// Not proven.
    Odd,
    /// Not as it should be.
    Bad,
}

/// A cell of a table.
#[derive(Debug, Clone, Default)]
pub(super) struct Cell {
    /// How it stands.
    pub(super) tone: Tone,
    /// What it says.
    pub(super) line: Line,
    /// Whether the sign for how it stands may do alone where there is little room.
    pub(super) brief: bool,
}

/// Text, some of it set apart.
#[derive(Debug, Clone, Default)]
pub(super) struct Line(pub(super) Vec<Piece>);

/// A piece of a line.
#[derive(Debug, Clone)]
pub(super) enum Piece {
    /// As it is.
    Plain(String),
    /// What the eye should find.
    Strong(String),
    /// What programs read: ids, hashes, commands.
    Code(String),
}

impl Line {
    /// A line that goes on.
    pub(super) fn and(mut self, text: impl Into<String>) -> Self {
        self.0.push(Piece::Plain(text.into()));
        self
    }

    /// The same with what the eye should find.
    pub(super) fn strong(mut self, text: impl Into<String>) -> Self {
        self.0.push(Piece::Strong(text.into()));
        self
    }

    /// The same with what programs read.
    pub(super) fn code(mut self, text: impl Into<String>) -> Self {
        self.0.push(Piece::Code(text.into()));
        self
    }
}

impl<T: Into<String>> From<T> for Line {
    fn from(text: T) -> Self {
        Self::default().and(text)
    }
}

impl Cell {
    /// A cell that stands so.
    pub(super) fn new(tone: Tone, line: impl Into<Line>) -> Self {
        Self {
            tone,
            line: line.into(),
            brief: false,
        }
    }

    /// The same, of which the sign may do alone.
    pub(super) fn brief(mut self) -> Self {
        self.brief = true;
        self
    }

    /// A cell that stands neither way.
    pub(super) fn plain(line: impl Into<Line>) -> Self {
        Self::new(Tone::Plain, line)
    }
}

impl Document {
    /// Adds a part, unless it is empty.
    pub(super) fn put(&mut self, block: Block) {
        let is_empty = match &block {
            Block::List { items, .. } => items.is_empty(),
            Block::Facts(facts) => facts.is_empty(),
            Block::Table { rows, .. } => rows.is_empty(),
            _ => false,
        };
        if !is_empty {
            self.blocks.push(block);
        }
    }

    /// Adds a heading.
    pub(super) fn heading(&mut self, level: u8, text: impl Into<String>) {
        self.blocks.push(Block::Heading(level, text.into()));
    }

    /// Adds a paragraph.
    pub(super) fn say(&mut self, line: impl Into<Line>) {
        self.blocks.push(Block::Said(line.into()));
    }
}
