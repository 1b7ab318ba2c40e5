//! What to write in the place of a word that is not known.

/// What to write in the place of `word`: the nearest of `known`, or all of them.
pub(crate) fn suggest<'w>(word: &str, known: impl Iterator<Item = &'w str> + Clone) -> String {
    nearest(word, known.clone()).map_or_else(
        || match any_of(known) {
            all if all.is_empty() => "there is none to choose from".to_owned(),
            all => format!("write {all}"),
        },
        |near| format!("did you mean `{near}`?"),
    )
}

pub(crate) fn nearest<'w>(word: &str, known: impl Iterator<Item = &'w str>) -> Option<&'w str> {
    let word = word.to_ascii_lowercase();
    known
        .map(|candidate| {
            (
                strsim::damerau_levenshtein(&word, &candidate.to_ascii_lowercase()),
                candidate,
            )
        })
        .filter(|(distance, candidate)| *distance <= 1 + candidate.chars().count() / 4)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// `a`, `b` or `c`; each word once.
pub(crate) fn any_of<'w>(words: impl Iterator<Item = &'w str>) -> String {
    let mut unique: Vec<&str> = Vec::new();
    for word in words {
        if !unique.contains(&word) {
            unique.push(word);
        }
    }
    let quoted: Vec<String> = unique.iter().map(|word| format!("`{word}`")).collect();
    match quoted.split_last() {
        None => String::new(),
        Some((only, [])) => only.clone(),
        Some((last, others)) => format!("{} or {last}", others.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_far_off_word_gets_the_whole_choice() {
        assert_eq!(
            suggest("banana", ["on", "off"].into_iter()),
            "write `on` or `off`"
        );
        assert_eq!(
            suggest("x", std::iter::empty()),
            "there is none to choose from"
        );
    }
}
