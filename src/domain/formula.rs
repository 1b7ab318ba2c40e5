//! Sums that a world's numbers follow: `({/markPrice} - {/entryPrice}) * {/size}`.
//!
//! Four kinds of arithmetic, pointers and sums over lists are the whole of it: who needs more writes another world.
//! A crate for expressions would bring functions that nobody asked for, and no sums over lists of JSON.

use std::collections::BTreeMap;

use serde_json::Value;

/// How deep brackets may stand in each other.
const DEPTH: usize = 32;

/// A sum that can be worked out.
#[derive(Debug, Clone, PartialEq)]
pub struct Formula {
    root: Term,
    lists: Vec<String>,
}

#[derive(Debug, Clone, PartialEq)]
enum Term {
    Number(f64),
    /// A number beside the one that follows.
    At(String),
    /// Of every item of a list, added up.
    Sum(String, Box<Term>),
    Pair(Sign, Box<(Term, Term)>),
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Sign {
    Plus,
    Minus,
    Times,
    By,
}

/// What a sum is worked out with.
pub struct Given<'a, 'l: 'a> {
    /// Where its pointers begin: an item, or the whole object.
    pub at: &'a Value,
    /// What words count as.
    pub words: &'a BTreeMap<String, f64>,
    /// The items of a list, by the name of the resource.
    pub list: &'a dyn Fn(&str) -> Option<&'l [Value]>,
}

impl Formula {
    /// Reads one.
    ///
    /// # Errors
    /// Says what is wrong with it, and where.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut reader = Reader {
            text,
            rest: text,
            lists: Vec::new(),
        };
        let root = reader.sum(0)?;
        if !reader.rest.trim_start().is_empty() {
            return Err(reader.unexpected("the end, or one of `+ - * /`"));
        }
        Ok(Self {
            root,
            lists: reader.lists,
        })
    }

    /// The resources whose items are added up in it.
    #[must_use]
    pub fn lists(&self) -> &[String] {
        &self.lists
    }

    /// What it comes to; nothing where a number is missing or there is none.
    #[must_use]
    pub fn value(&self, given: &Given<'_, '_>) -> Option<f64> {
        self.root.value(given).filter(|value| value.is_finite())
    }
}

impl Term {
    fn value(&self, given: &Given<'_, '_>) -> Option<f64> {
        match self {
            Self::Number(number) => Some(*number),
            Self::At(pointer) => number(given.at.pointer(pointer)?, given.words),
            Self::Sum(name, term) => {
                let items = (given.list)(name)?.iter();
                // An item that has no such number adds nothing.
                let values = items.filter_map(|at| term.value(&Given { at, ..*given }));
                Some(values.sum())
            }
            Self::Pair(sign, pair) => {
                let (left, right) = (pair.0.value(given)?, pair.1.value(given)?);
                Some(match sign {
                    Sign::Plus => left + right,
                    Sign::Minus => left - right,
                    Sign::Times => left * right,
                    Sign::By => left / right,
                })
            }
        }
    }
}

/// A number, a text that is one, or a word that counts as one.
#[must_use]
pub fn number(value: &Value, words: &BTreeMap<String, f64>) -> Option<f64> {
    match value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => words.get(text).copied().or_else(|| text.parse().ok()),
        _ => None,
    }
}

struct Reader<'a> {
    text: &'a str,
    rest: &'a str,
    lists: Vec<String>,
}

impl<'a> Reader<'a> {
    fn sum(&mut self, depth: usize) -> Result<Term, String> {
        let signs = [('+', Sign::Plus), ('-', Sign::Minus)];
        self.chain(signs, depth, Self::product)
    }

    fn product(&mut self, depth: usize) -> Result<Term, String> {
        let signs = [('*', Sign::Times), ('/', Sign::By)];
        self.chain(signs, depth, Self::factor)
    }

    fn chain(
        &mut self,
        signs: [(char, Sign); 2],
        depth: usize,
        part: fn(&mut Self, usize) -> Result<Term, String>,
    ) -> Result<Term, String> {
        let mut left = part(self, depth)?;
        while let Some((_, sign)) = signs.iter().find(|(char, _)| self.takes(*char)) {
            let right = part(self, depth)?;
            left = Term::Pair(*sign, Box::new((left, right)));
        }
        Ok(left)
    }

    fn factor(&mut self, depth: usize) -> Result<Term, String> {
        if depth > DEPTH {
            return Err(format!("more than {DEPTH} brackets stand in each other"));
        }
        if self.takes('-') {
            let pair = (Term::Number(-1.0), self.factor(depth + 1)?);
            return Ok(Term::Pair(Sign::Times, Box::new(pair)));
        }
        if self.takes('(') {
            let inner = self.sum(depth + 1)?;
            self.wants(')')?;
            return Ok(inner);
        }
        if self.takes('{') {
            let pointer = self.until(|char| char == '}');
            self.wants('}')?;
            return match pointer.starts_with('/') {
                true => Ok(Term::At(pointer.to_owned())),
                false => Err(format!(
                    "`{{{pointer}}}` is no pointer: write one like `{{/price}}`"
                )),
            };
        }
        let word = self.until(|char| !char.is_ascii_alphanumeric() && char != '.');
        if word == "sum" {
            self.wants('(')?;
            let name = self.until(|char| char == ',' || char == ')').trim();
            let name = name.to_owned();
            self.wants(',')?;
            let of = self.sum(depth + 1)?;
            self.wants(')')?;
            self.lists.push(name.clone());
            return Ok(Term::Sum(name, Box::new(of)));
        }
        match word.parse() {
            Ok(number) if word.starts_with(|char: char| char.is_ascii_digit()) => {
                Ok(Term::Number(number))
            }
            _ => {
                self.rest = &self.text[self.text.len() - self.rest.len() - word.len()..];
                Err(self.unexpected("a number, `{/pointer}`, `sum(list, {/pointer})` or `(`"))
            }
        }
    }

    fn takes(&mut self, char: char) -> bool {
        self.rest = self.rest.trim_start();
        let after = self.rest.strip_prefix(char);
        self.rest = after.unwrap_or(self.rest);
        after.is_some()
    }

    fn wants(&mut self, char: char) -> Result<(), String> {
        match self.takes(char) {
            true => Ok(()),
            false => Err(self.unexpected(&format!("`{char}`"))),
        }
    }

    fn until(&mut self, ends: fn(char) -> bool) -> &'a str {
        let rest = self.rest.trim_start();
        let (word, rest) = rest.split_at(rest.find(ends).unwrap_or(rest.len()));
        self.rest = rest;
        word
    }

    fn unexpected(&self, wanted: &str) -> String {
        let rest = self.rest.trim_start();
        let after = self.text[..self.text.len() - rest.len()].trim_end();
        let place = match after {
            "" => "at its beginning".to_owned(),
            after => format!("after `{after}`"),
        };
        match rest.chars().next() {
            Some(found) => format!("`{found}` stands {place}, in the place of {wanted}"),
            None => format!("it ends {place}, where {wanted} should stand"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn value(text: &str) -> Option<f64> {
        let item = json!({"mark": 12.5, "entry": "10", "size": 4, "side": "SHORT", "none": null});
        let words = BTreeMap::from([("SHORT".to_owned(), -1.0), ("LONG".to_owned(), 1.0)]);
        let items = [json!({"pnl": 2.5}), json!({"other": 1}), json!({"pnl": -1})];
        let list = |name: &str| (name == "rows").then_some(&items[..]);
        let given = Given {
            at: &item,
            words: &words,
            list: &list,
        };
        Formula::parse(text)
            .unwrap_or_else(|why| panic!("{text}: {why}"))
            .value(&given)
    }

    #[test]
    fn arithmetic_goes_by_its_usual_order_over_numbers_words_and_lists() {
        assert_eq!(
            value("({/mark} - {/entry}) * {/size} * {/side}"),
            Some(-10.0)
        );
        assert_eq!(value("1 + 2 * 3 - 8 / 4 / 2"), Some(6.0));
        assert_eq!(value("-{/size} - -1.5"), Some(-2.5));
        assert_eq!(value("sum(rows, {/pnl} * 2) / {/size}"), Some(0.75));
    }

    #[test]
    fn what_has_no_number_comes_to_nothing() {
        for text in ["{/none}", "{/absent} + 1", "sum(nobody, {/pnl})", "1 / 0"] {
            assert_eq!(value(text), None, "{text}");
        }
    }

    #[test]
    fn what_cannot_be_read_is_told_with_its_place() {
        let brackets = "(".repeat(200);
        for (text, why) in [
            ("", "it ends at its beginning"),
            ("1 +", "it ends after `1 +`"),
            ("{price}", "`{price}` is no pointer"),
            ("{/price", "it ends after `{/price`, where `}`"),
            ("2 3", "`3` stands after `2`"),
            ("max(1, 2)", "`m` stands at its beginning"),
            ("sum(rows {/a})", "in the place of `,`"),
            ("1 + é", "`é` stands after `1 +`"),
            (&brackets, "more than 32 brackets"),
        ] {
            let told = Formula::parse(text).unwrap_err();
            assert!(told.contains(why), "{text}: {told}");
        }
    }
}
