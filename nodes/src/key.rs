//! Keys of values on wires.

use std::fmt::{self, Debug, Write};
use std::hash::{DefaultHasher, Hasher};

/// A key of all that `value` prints of itself, after that of key `earlier`. What is printed must tell
/// all fields; numbers are printed to the last bit.
pub fn printed_key(earlier: u64, value: &impl Debug) -> u64 {
    struct Hash(DefaultHasher);
    impl Write for Hash {
        fn write_str(&mut self, text: &str) -> fmt::Result {
            self.0.write(text.as_bytes());
            Ok(())
        }
    }
    let mut hash = Hash(DefaultHasher::new());
    hash.0.write_u64(earlier);
    let _ = write!(hash, "{value:?}");
    hash.0.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_bit_and_what_came_before_count() {
        let key = printed_key(1, &0.1_f32);
        assert_eq!(key, printed_key(1, &0.1_f32));
        assert_ne!(key, printed_key(2, &0.1_f32));
        assert_ne!(key, printed_key(1, &0.1_f32.next_up()));
    }
}
