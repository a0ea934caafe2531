//! Lists that a person types.

/// The numbers of a list such as `3, 17, 99-104`, at least one and at most `max_count`. Errors call
/// each a `noun`.
pub(super) fn numbers(text: &str, noun: &str, max_count: usize) -> Result<Vec<u32>, String> {
    let help = "give whole numbers from 0 to 4294967295 and ranges, such as `3, 17, 99-104`";
    let parse =
        |s: &str| s.trim().parse::<u32>().map_err(|_| format!("`{s}` is no {noun}: {help}"));
    let mut numbers = Vec::new();
    for part in text.split(',').map(str::trim).filter(|p| !p.is_empty()) {
        let (first, last) = match part.split_once('-') {
            Some((first, last)) => (parse(first)?, parse(last)?),
            None => (parse(part)?, parse(part)?),
        };
        if last < first {
            return Err(format!("`{part}` runs backwards: put the lower number first"));
        }
        if numbers.len() as u64 + u64::from(last - first) >= max_count as u64 {
            return Err(format!("`{text}` names more than {max_count} {noun}s: use fewer"));
        }
        numbers.extend(first..=last);
    }
    if numbers.is_empty() { Err(format!("names no {noun}: {help}")) } else { Ok(numbers) }
}

/// The weights of a list such as `1, 0.5, 2`: none below 0, not all of them 0. Empty for no text.
pub(super) fn weights(text: &str) -> Result<Vec<f32>, String> {
    let parse = |s: &str| match s.parse::<f32>() {
        Ok(weight) if (0.0..=1e6).contains(&weight) => Ok(weight),
        _ => Err(format!("`{s}` is no weight: give numbers from 0 to 1e6, such as `1, 0.5, 2`")),
    };
    let parts = text.split(',').map(str::trim).filter(|p| !p.is_empty());
    let weights: Vec<f32> = parts.map(parse).collect::<Result<_, _>>()?;
    if !weights.is_empty() && weights.iter().all(|w| *w == 0.0) {
        return Err("are all 0: give at least one more".to_owned());
    }
    Ok(weights)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_ranges() {
        let seeds = |text| numbers(text, "seed", 4096);
        assert_eq!(seeds("3,17, 99 - 101,").unwrap(), [3, 17, 99, 100, 101]);
        assert_eq!(seeds("4294967295-4294967295").unwrap(), [u32::MAX]);
        for bad in ["", "x", "-1", "5-3", "1--2", "0-4294967295", "4294967296", "0-4095,1"] {
            assert!(seeds(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn weights_are_none_or_some_above_nothing() {
        assert_eq!(weights("1, 0.5,,2").unwrap(), [1.0, 0.5, 2.0]);
        assert_eq!(weights(" ").unwrap(), [] as [f32; 0]);
        for bad in ["0, 0", "-1", "nan", "inf", "one"] {
            assert!(weights(bad).is_err(), "{bad}");
        }
    }
}
