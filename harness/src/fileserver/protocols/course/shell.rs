//! Words of a line, quoted as in a POSIX shell.

use std::borrow::Cow;

/// A quote without its end, or a backslash with nothing after it.
#[derive(Debug, PartialEq)]
pub(super) struct Unclosed;

/// One word, and the line after it.
#[derive(Debug, PartialEq)]
pub(super) struct Word<'a> {
    pub(super) text: Vec<u8>,
    /// Empty, or it begins with a blank.
    pub(super) rest: &'a [u8],
}

/// Whether it separates words. A carriage return does, as for the course's own server.
pub(super) const fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r')
}

/// The line from its first byte that is no blank.
pub(super) fn skip_blanks(line: &[u8]) -> &[u8] {
    &line[line.iter().take_while(|byte| is_blank(**byte)).count()..]
}

/// The next word of a line, if there is one.
pub(super) fn word(line: &[u8]) -> Result<Option<Word<'_>>, Unclosed> {
    let line = skip_blanks(line);
    if line.is_empty() {
        return Ok(None);
    }
    let mut text = Vec::new();
    let mut at = 0;
    let mut quote = None;
    while let Some(&byte) = line.get(at) {
        at += 1;
        match (quote, byte) {
            (None, byte) if is_blank(byte) => return Ok(Some(Word { text, rest: &line[at - 1..] })),
            (None, b'"' | b'\'') => quote = Some(byte),
            (Some(open), byte) if open == byte => quote = None,
            (None | Some(b'"'), b'\\') => {
                let next = *line.get(at).ok_or(Unclosed)?;
                at += 1;
                // Between double quotes a backslash stands for itself, but before what it can take the meaning of.
                if quote.is_some() && !matches!(next, b'"' | b'\\' | b'$' | b'`') {
                    text.push(b'\\');
                }
                text.push(next);
            }
            (_, byte) => text.push(byte),
        }
    }
    if quote.is_some() { Err(Unclosed) } else { Ok(Some(Word { text, rest: &[] })) }
}

/// A name as one word, as short as can be: some servers take 32 bytes at a time.
pub(super) fn quote(name: &str) -> Cow<'_, str> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || !byte.is_ascii() || b"._-+,:@%=".contains(&byte);
    if !name.is_empty() && name.bytes().all(plain) {
        name.into()
    } else if !name.contains('\'') {
        format!("'{name}'").into()
    } else if !name.contains(['"', '\\', '$', '`']) {
        format!("\"{name}\"").into()
    } else {
        format!("'{}'", name.replace('\'', r"'\''")).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn words(line: &str) -> Result<Vec<String>, Unclosed> {
        let mut words = Vec::new();
        let mut rest = line.as_bytes();
        while let Some(word) = word(rest)? {
            words.push(String::from_utf8(word.text).unwrap());
            rest = word.rest;
        }
        Ok(words)
    }

    #[test]
    fn words_are_split_as_a_shell_does() {
        let check = |line, expected: &[&str]| assert_eq!(words(line).unwrap(), expected, "{line}");
        check("", &[]);
        check("  ", &[]);
        check("a  b\tc\r", &["a", "b", "c"]);
        check(r#""my file.txt" x"#, &["my file.txt", "x"]);
        check(r#"a'b c'd"e f"g"#, &["ab cde fg"]);
        check(r#"'' """#, &["", ""]);
        check(r"my\ file \'", &["my file", "'"]);
        check(r#""a\"b\\c\n""#, &[r#"a"b\c\n"#]);
        check(r"'a\'", &[r"a\"]);
        check("# no comment", &["#", "no", "comment"]);
        for line in ["'a", "\"a", "a\\", "\"a\\"] {
            assert_eq!(words(line), Err(Unclosed), "{line}");
        }
    }

    proptest! {
        #[test]
        fn a_quoted_name_is_one_word(name in r"[^\n]{0,40}") {
            prop_assert_eq!(words(&quote(&name)).unwrap(), vec![name]);
        }
    }
}
