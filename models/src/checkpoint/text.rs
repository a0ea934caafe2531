//! Texts of files, made fit to be shown.

/// Characters that are shown of one text.
const MAX_SHOWN: usize = 200;

/// A text from a stranger's file for a message or a terminal: what would steer the terminal is
/// escaped, and what is long is cut.
pub fn printable(text: &str) -> String {
    let mut shown = String::new();
    let mut chars = text.chars();
    for char in chars.by_ref().take(MAX_SHOWN) {
        match char {
            // Harmless, and common in messages.
            '"' | '\'' | '\\' => shown.push(char),
            char => shown.extend(char.escape_debug()),
        }
    }
    if chars.next().is_some() {
        shown.push('…');
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_steers_a_terminal_is_escaped() {
        assert_eq!(printable("a\x1b[2J\nb\u{9b}\u{202e}"), "a\\u{1b}[2J\\nb\\u{9b}\\u{202e}");
        for plain in ["", "it's \"C:\\é\", 4²: 512 …", &"ü".repeat(MAX_SHOWN)] {
            assert_eq!(printable(plain), plain);
        }
        assert_eq!(printable(&"ü".repeat(MAX_SHOWN + 1)), "ü".repeat(MAX_SHOWN) + "…");
    }
}
