//! Patterns of names, as shells have them.

/// Whether a text fits a pattern in which `*` stands for any run of characters and `?` for one.
#[must_use]
pub fn matches(pattern: &str, text: &str) -> bool {
    let (pattern, text): (Vec<char>, Vec<char>) =
        (pattern.chars().collect(), text.chars().collect());
    let (mut in_pattern, mut in_text) = (0, 0);
    // Where the last star stands, and how much of the text it has swallowed so far.
    let mut star: Option<(usize, usize)> = None;
    while in_text < text.len() {
        match pattern.get(in_pattern) {
            Some('*') => {
                star = Some((in_pattern, in_text));
                in_pattern += 1;
            }
            Some(&char) if char == '?' || char == text[in_text] => {
                in_pattern += 1;
                in_text += 1;
            }
            _ => {
                let Some((after, swallowed)) = star else {
                    return false;
                };
                star = Some((after, swallowed + 1));
                in_pattern = after + 1;
                in_text = swallowed + 1;
            }
        }
    }
    pattern[in_pattern..].iter().all(|char| *char == '*')
}
