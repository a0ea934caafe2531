//! Names that a mistyped one may have meant.

/// Names longer than this are no slips of the finger, and comparing them takes long.
const MAX_LEN: usize = 64;

/// At most three of `names` that are a few letters from `name`, the nearest first.
pub(crate) fn near<'a>(name: &str, names: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    if name.len() > MAX_LEN {
        return Vec::new();
    }
    let limit = 2.max(name.chars().count() / 3);
    let mut found: Vec<(usize, &str)> = names
        .into_iter()
        .map(|n| (distance(name, n), n))
        .filter(|(distance, _)| *distance <= limit)
        .collect();
    found.sort_unstable();
    found.into_iter().take(3).map(|(_, n)| n.to_owned()).collect()
}

/// Levenshtein distance in characters.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, ca) in a.chars().enumerate() {
        let mut diagonal = i;
        row[0] = i + 1;
        for (j, cb) in b.iter().enumerate() {
            let substituted = diagonal + usize::from(ca != *cb);
            diagonal = row[j + 1];
            row[j + 1] = substituted.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_are_known() {
        for (a, b, d) in [("", "", 0), ("abc", "", 3), ("kitten", "sitting", 3), ("ü", "u", 1)] {
            assert_eq!((distance(a, b), distance(b, a)), (d, d));
        }
    }

    #[test]
    fn the_nearest_come_first() {
        let names = ["speed", "seed", "spread", "depth"];
        assert_eq!(near("sped", names), ["seed", "speed", "spread"]);
        assert!(near("colour", names).is_empty());
        assert!(near(&"s".repeat(65), [&*"s".repeat(65)]).is_empty());
    }
}
