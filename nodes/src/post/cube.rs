//! The file format `.cube`: a table of colours (Adobe, "Cube LUT Specification 1.0", 2013), and the
//! `LUT_3D_INPUT_RANGE` and `LUT_1D_INPUT_RANGE` of DaVinci Resolve.

/// The longest file: a table of 129³ colours with long numbers fits.
pub const MAX_BYTES: u64 = 256 << 20;
/// The most colours along an axis of a three-dimensional table.
const MAX_3D: usize = 129;
/// The most colours of a one-dimensional table.
const MAX_1D: usize = 65_536;
/// How far a domain goes to each side: pictures hold no more.
const MAX_DOMAIN: f32 = 65_504.0;

/// A table of colours.
#[derive(Debug, Clone, PartialEq)]
pub struct Cube {
    /// Colours along an axis.
    pub size: usize,
    /// Whether red, green and blue each have their own axis; else each channel is looked up alone.
    pub is_3d: bool,
    /// What the first colour of an axis stands for, for red, green and blue.
    pub low: [f32; 3],
    /// What the last stands for.
    pub high: [f32; 3],
    /// `[size]` or `[size, size, size]` colours, red fastest.
    pub colours: Vec<[f32; 3]>,
}

/// Reads the text of a `.cube` file. The error names the line.
pub fn parse(text: &str) -> Result<Cube, String> {
    let mut size = None;
    let (mut low, mut high) = ([0.0; 3], [1.0; 3]);
    let mut colours = Vec::new();
    for (line, number) in text.lines().zip(1..) {
        let at = |reason: &str| format!("line {number}: {reason}");
        let line = line.split('#').next().unwrap_or_default().trim();
        let mut words = line.split_whitespace();
        let Some(first) = words.next() else { continue };
        match first {
            "TITLE" => {}
            "LUT_1D_SIZE" | "LUT_3D_SIZE" => {
                if size.is_some() {
                    return Err(at("the size stands here twice; a file has one table"));
                }
                let is_3d = first == "LUT_3D_SIZE";
                let max = if is_3d { MAX_3D } else { MAX_1D };
                let n = words.next().and_then(|w| w.parse::<usize>().ok());
                let n = n.filter(|n| (2..=max).contains(n));
                size = Some((n.ok_or_else(|| at(&format!("the size must be 2 to {max}")))?, is_3d));
            }
            "DOMAIN_MIN" => low = numbers(words).ok_or_else(|| at("three numbers belong here"))?,
            "DOMAIN_MAX" => high = numbers(words).ok_or_else(|| at("three numbers belong here"))?,
            "LUT_1D_INPUT_RANGE" | "LUT_3D_INPUT_RANGE" => {
                let range = numbers(words).ok_or_else(|| at("two numbers belong here"))?;
                [low, high] = range.map(|v| [v; 3]);
            }
            _ if first.starts_with(|c: char| c.is_ascii_alphabetic()) => {
                return Err(at(&format!("`{first}` is not known")));
            }
            _ => {
                let expected =
                    size.map(num_colours).ok_or_else(|| at("the size must come first"))?;
                if colours.len() == expected {
                    return Err(at(&format!("there are more than {expected} colours")));
                }
                let colour = numbers(line.split_whitespace());
                colours.push(colour.ok_or_else(|| at("three numbers belong here"))?);
            }
        }
    }
    let (size, is_3d) = size.ok_or("names no LUT_1D_SIZE or LUT_3D_SIZE: is it a .cube file?")?;
    if colours.len() != num_colours((size, is_3d)) {
        let expected = num_colours((size, is_3d));
        return Err(format!("has {} colours in place of {expected}", colours.len()));
    }
    if (0..3).any(|c| low[c] >= high[c]) {
        return Err("DOMAIN_MIN must lie below DOMAIN_MAX".into());
    }
    if low.iter().chain(&high).any(|v| v.abs() > MAX_DOMAIN) {
        return Err(format!("the domain must lie within -{MAX_DOMAIN} and {MAX_DOMAIN}"));
    }
    Ok(Cube { size, is_3d, low, high, colours })
}

fn num_colours((size, is_3d): (usize, bool)) -> usize {
    if is_3d { size * size * size } else { size }
}

/// The first `N` words as finite numbers.
fn numbers<'a, const N: usize>(mut words: impl Iterator<Item = &'a str>) -> Option<[f32; N]> {
    let mut values = [0.0; N];
    for value in &mut values {
        *value = words.next()?.parse::<f32>().ok().filter(|v| v.is_finite())?;
    }
    Some(values)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_is_read_with_its_domain() {
        let text = "# made by hand\nTITLE \"two\"\nLUT_3D_SIZE 2\nDOMAIN_MAX 2 2 2\n\
            0 0 0\n1 0 0\n0 1 0 # green\n1 1 0\n0 0 1\n1 0 1\n0 1 1\n1 1 1.5\n";
        let cube = parse(text).unwrap();
        assert_eq!((cube.size, cube.is_3d, cube.low, cube.high), (2, true, [0.0; 3], [2.0; 3]));
        assert_eq!((cube.colours[1], cube.colours[7]), ([1.0, 0.0, 0.0], [1.0, 1.0, 1.5]));
        assert_eq!(parse("LUT_1D_SIZE 2\n0 0 0\n1 1 1").unwrap().colours.len(), 2);
    }

    #[test]
    fn an_input_range_holds_for_all_channels() {
        for kind in ["1D", "3D"] {
            let colours = "0 0 0\n".repeat(if kind == "1D" { 2 } else { 8 });
            let text = format!("LUT_{kind}_SIZE 2\nLUT_{kind}_INPUT_RANGE -0.5 65504.0\n{colours}");
            let cube = parse(&text).unwrap();
            assert_eq!((cube.low, cube.high), ([-0.5; 3], [65_504.0; 3]));
        }
    }

    #[test]
    fn faults_name_their_line() {
        for (text, fault) in [
            ("", "is it a .cube file"),
            ("hello", "line 1: `hello`"),
            ("LUT_3D_SIZE 1000", "line 1: the size must be 2 to 129"),
            ("0 0 0", "line 1: the size must come first"),
            ("LUT_1D_SIZE 2\n0 0\n", "line 2: three numbers"),
            ("LUT_1D_SIZE 2\n0 0 0\n", "has 1 colours in place of 2"),
            ("LUT_1D_SIZE 2\n0 0 0\n0 0 0\n0 0 0\n", "line 4: there are more than 2"),
            ("LUT_1D_SIZE 2\n0 0 nan\n", "line 2: three numbers"),
            ("LUT_1D_SIZE 2\nDOMAIN_MIN 1 1 1\n0 0 0\n1 1 1\n", "must lie below"),
            ("LUT_1D_SIZE 2\nLUT_1D_INPUT_RANGE 1\n", "line 2: two numbers"),
            ("LUT_1D_SIZE 2\nLUT_1D_INPUT_RANGE 1 0\n0 0 0\n1 1 1\n", "must lie below"),
            ("LUT_1D_SIZE 2\nDOMAIN_MAX 1 1 3e38\n0 0 0\n1 1 1\n", "must lie within"),
            ("LUT_1D_SIZE 2\nLUT_1D_INPUT_RANGE -1e5 1\n0 0 0\n1 1 1\n", "must lie within"),
        ] {
            let error = parse(text).unwrap_err();
            assert!(error.contains(fault), "{text:?}: {error}");
        }
    }
}
