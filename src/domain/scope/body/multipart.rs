//! The parts of a multipart body, as loosely as servers read them.

/// The text of each part with the name that its `Content-Disposition` gives it.
pub(super) fn parts(body: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut lines = body.lines().map(|line| line.trim_end_matches('\r'));
    while let Some(line) = lines.next() {
        let Some(name) = name_of(line) else {
            continue;
        };
        let rest = lines.by_ref().skip_while(|line| !line.is_empty()).skip(1);
        let text: Vec<&str> = rest.take_while(|line| !line.starts_with("--")).collect();
        found.push((name, text.join("\n")));
    }
    found
}

fn name_of(line: &str) -> Option<String> {
    let (header, value) = line.split_once(':')?;
    if !header.trim().eq_ignore_ascii_case("content-disposition") {
        return None;
    }
    value.split(';').find_map(|parameter| {
        let (key, value) = parameter.split_once('=')?;
        key.trim()
            .eq_ignore_ascii_case("name")
            .then(|| value.trim().trim_matches(['"', '\'']).to_owned())
    })
}

/// The request lines of calls inside a body, as a multipart batch has them.
pub(super) fn request_lines(body: &str) -> impl Iterator<Item = (&str, &str)> {
    body.lines().filter_map(|line| {
        let mut words = line.split_whitespace();
        let (method, target, version) = (words.next()?, words.next()?, words.next()?);
        version
            .to_ascii_uppercase()
            .starts_with("HTTP/")
            .then_some((method, target))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_is_found_however_its_name_is_written() {
        let body = "--b\r\ncontent-disposition: form-data; Name=x\r\nx-a: b\r\n\r\none\r\ntwo\r\n--b\r\nContent-Disposition: form-data; name=\"y\"; filename=\"f\"\r\n\r\n3\r\n--b--";
        let found = parts(body);
        let pair = |name: &str, text: &str| (name.to_owned(), text.to_owned());
        assert_eq!(found, [pair("x", "one\ntwo"), pair("y", "3")]);
    }
}
