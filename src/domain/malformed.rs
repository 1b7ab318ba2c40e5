//! The ways in which an answer can be bad data: a closed list.

use serde::{Deserialize, Serialize};

/// Declares the classes: a name for files and a sentence each.
macro_rules! classes {
    ($($variant:ident $name:literal $what:literal;)+) => {
        /// One way in which the data of an answer can be bad.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum Malformed {
            $(#[doc = $what] #[serde(rename = $name)] $variant,)+
        }

        impl Malformed {
            /// Every class, with the name that files use.
            pub const ALL: &[(&str, Self)] = &[$(($name, Self::$variant)),+];

            /// The name that files use.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)+ }
            }
        }
    };
}

classes! {
    Truncated "truncated" "It breaks off in the middle.";
    Empty "empty" "It is 200 and holds nothing.";
    Page "html" "It is a page for people.";
    WrongType "wrong-content-type" "It says that it is something else than it is.";
    ByteOrderMark "byte-order-mark" "It begins with a byte order mark.";
    BadUtf8 "bad-utf8" "It holds bytes that are no UTF-8.";
    LoneSurrogate "lone-surrogate" "A text escapes half of a character.";
    DuplicateKeys "duplicate-keys" "A field stands there twice.";
    NotANumber "nan" "A number is `NaN`.";
    VeryDeep "very-deep" "It is nested ten thousand times.";
    Oversized "oversized" "It has more than a megabyte.";
    BadGzip "bad-gzip" "It says that it is compressed, and is not.";
    Null "null-field" "A field is null.";
    Missing "missing-field" "A field is missing.";
    NumberAsText "number-as-text" "A number is a text.";
    TextAsNumber "text-as-number" "A text is a number.";
    ObjectAsList "object-as-list" "An object is a list of it.";
    ListAsObject "list-as-object" "A list is an object.";
    UnknownValue "unknown-value" "A word is one that nobody knows.";
    UnknownField "unknown-field" "There is a field that nobody knows.";
    BadRecord "bad-record" "One record of a list is none.";
    MinusZero "minus-zero" "A number is -0.";
    Tiny "tiny" "A number is 1e-8.";
    Huge "huge" "A number is 1e21.";
    BeyondExact "beyond-exact" "A number is past 2⁵³.";
    Zero "zero" "A number is 0.";
    Negative "negative" "A number is below 0.";
    Emoji "emoji" "A text holds characters of several code points.";
    RightToLeft "right-to-left" "A text runs from right to left.";
    DaylightEdge "daylight-edge" "A text is an hour that a clock change leaves out.";
    NoZone "no-zone" "A text is a time without its zone.";
}
