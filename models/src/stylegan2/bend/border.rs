//! What lies outside a plane.

/// What lies outside a plane, for a row `a b c d`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Border {
    /// `0 0 | a b c d | 0 0`
    Zero,
    /// `a a | a b c d | d d`
    Edge,
    /// `c b | a b c d | c b`, as torch's `ReflectionPad2d`.
    #[default]
    Reflect,
    /// `b a | a b c d | d c`
    Mirror,
    /// `c d | a b c d | a b`
    Wrap,
}

impl Border {
    /// The sample of `0..len` that stands at `i`, or `None` for a zero.
    #[inline]
    pub(super) fn index(self, i: i32, len: usize) -> Option<usize> {
        let last = len as i32 - 1;
        let inside = match self {
            _ if (0..=last).contains(&i) => i,
            Self::Zero => return None,
            Self::Edge => i.clamp(0, last),
            Self::Reflect if last == 0 => 0,
            Self::Reflect => last - (i.rem_euclid(2 * last) - last).abs(),
            Self::Mirror => {
                let i = i.rem_euclid(2 * last + 2);
                i.min(2 * last + 1 - i)
            }
            Self::Wrap => i.rem_euclid(last + 1),
        };
        usize::try_from(inside).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn borders_continue_the_row() {
        let row = |border: Border, len: usize| -> String {
            let at = |i| border.index(i, len).map_or('0', |i| char::from(b'a' + i as u8));
            (-7..9).map(at).collect()
        };
        assert_eq!(row(Border::Zero, 4), "0000000abcd00000");
        assert_eq!(row(Border::Edge, 4), "aaaaaaaabcdddddd");
        assert_eq!(row(Border::Reflect, 4), "babcdcbabcdcbabc");
        assert_eq!(row(Border::Mirror, 4), "bcddcbaabcddcbaa");
        assert_eq!(row(Border::Wrap, 4), "bcdabcdabcdabcda");
        for border in [Border::Edge, Border::Reflect, Border::Mirror, Border::Wrap] {
            assert_eq!(row(border, 1), "aaaaaaaaaaaaaaaa");
        }
    }
}
