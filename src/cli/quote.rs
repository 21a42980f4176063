//! A command line as text that a shell reads back as the same words.

use std::ffi::{OsStr, OsString};
use std::fmt::Write as _;
use std::os::unix::ffi::OsStrExt as _;

/// The words, quoted where a shell needs it, with blanks between them; always one line.
pub(crate) fn command_line<W: AsRef<OsStr>>(words: impl IntoIterator<Item = W>) -> String {
    words.into_iter().map(|word| quote(word.as_ref())).collect::<Vec<_>>().join(" ")
}

/// The words of this run, with the program by its name: where it lies says nothing about a run.
pub(crate) fn words_as_typed() -> impl Iterator<Item = OsString> {
    std::iter::once("haul".into()).chain(std::env::args_os().skip(1))
}

fn quote(word: &OsStr) -> String {
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"%+,-./:=@_".contains(byte);
    match word.to_str() {
        Some(text) if !text.is_empty() && text.bytes().all(|byte| plain(&byte)) => text.to_owned(),
        Some(text) if !text.contains(char::is_control) => format!("'{}'", text.replace('\'', r"'\''")),
        _ => dollar_quote(word.as_bytes()),
    }
}

/// `$'...'`, which POSIX has had since 2024 and shells for decades: the only form that keeps odd bytes on one line.
fn dollar_quote(bytes: &[u8]) -> String {
    let mut quoted = String::from("$'");
    for byte in bytes {
        match byte {
            b'\'' | b'\\' => quoted.extend(['\\', char::from(*byte)]),
            b' '..=b'~' => quoted.push(char::from(*byte)),
            // Octal takes at most three digits; \x would go on into hexadecimal digits that follow.
            _ => drop(write!(quoted, "\\{byte:03o}")),
        }
    }
    quoted + "'"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_quoted_where_a_shell_needs_it() {
        let words: [&[u8]; 8] =
            [b"haul", b"--buffers=4K..4M", b"", b"a b", b"it's", b"*", "gr\u{fc}n".as_bytes(), b"new\nline\xff1"];
        let line = command_line(words.map(OsStr::from_bytes));
        assert_eq!(line, r"haul --buffers=4K..4M '' 'a b' 'it'\''s' '*' 'grün' $'new\012line\3771'");
    }
}
