//! Finds names by some of their letters, as editors do: `chrm` finds Chroma.
//!
//! Each word of a query must be found in a field of the record. In a name its letters must come in
//! order; of all ways to place them the best counts, by an alignment in the manner of Smith and
//! Waterman ("Identification of common molecular subsequences", 1981). In prose a word must begin
//! one of the words, since almost any letters come in order in a long text.

/// Letters of a query or of a field that are looked at.
const MAX_LEN: usize = 160;

const HIT: i32 = 16;
const RUN: i32 = 10;
const WORD_START: i32 = 9;
const FIRST: i32 = 12;
const WHOLE: i32 = 24;
const SKIPPED: i32 = -1;
const NEVER: i32 = i32::MIN / 2;

/// What is searched: a field of a record, the weightiest first.
#[derive(Debug, Clone, Copy)]
pub enum Field<'a> {
    /// A name, in which letters are found in order.
    Name(&'a str),
    /// Text, in which beginnings of words are found.
    Prose(&'a str),
}

/// How well a query fits a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rank {
    /// The greater, the better.
    pub score: i32,
    /// Of each field, the characters that were found, by index, in order.
    pub marks: Vec<Vec<usize>>,
}

/// What is sought.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Query {
    words: Vec<Vec<char>>,
}

impl Query {
    /// The words of what was typed.
    pub fn new(text: &str) -> Self {
        let words = text.split_whitespace();
        let letters = |word: &str| folded(word).into_iter().map(|(_, c)| c).collect();
        Self { words: words.map(letters).filter(|w: &Vec<char>| !w.is_empty()).collect() }
    }

    /// Whether nothing is sought, so that everything is found.
    pub fn is_empty(&self) -> bool {
        self.words.is_empty()
    }

    /// How well it fits a record of these fields, the weightiest first; `None` where a word is in
    /// none of them.
    pub fn rank(&self, fields: &[Field<'_>]) -> Option<Rank> {
        let mut rank = Rank { score: 0, marks: vec![Vec::new(); fields.len()] };
        for word in &self.words {
            let found = fields.iter().enumerate().filter_map(|(i, field)| {
                let (score, marks) = field.find(word)?;
                // What is found in a lesser field is worth less, but a fine hit outdoes a poor one.
                Some((score * 4 / (4 + i as i32), i, marks))
            });
            let (score, field, marks) = found.max_by_key(|(score, i, _)| (*score, -(*i as i32)))?;
            rank.score += score;
            rank.marks[field].extend(marks);
        }
        for marks in &mut rank.marks {
            marks.sort_unstable();
            marks.dedup();
        }
        Some(rank)
    }
}

impl Field<'_> {
    fn find(self, word: &[char]) -> Option<(i32, Vec<usize>)> {
        match self {
            Self::Name(text) => align(word, &folded(text)),
            Self::Prose(text) => begin(word, &folded(text)),
        }
    }
}

/// The best way to place a word's letters in a text, in order: its score and the places.
fn align(word: &[char], text: &[(usize, char)]) -> Option<(i32, Vec<usize>)> {
    if word.is_empty() || word.len() > text.len() {
        return None;
    }
    // `best[j]` is the score of the letters so far with the last of them at `j`.
    let mut best = vec![NEVER; text.len()];
    let mut came = vec![vec![0; text.len()]; word.len()];
    for (i, letter) in word.iter().enumerate() {
        let mut row = vec![NEVER; text.len()];
        // The best of the row before that lies at least two back, less what is skipped since.
        let (mut far, mut far_at) = (NEVER, 0);
        for (j, (_, c)) in text.iter().enumerate() {
            far += SKIPPED;
            if j >= 2 && best[j - 2] + SKIPPED > far {
                (far, far_at) = (best[j - 2] + SKIPPED, j - 2);
            }
            if c != letter {
                continue;
            }
            let near = if j >= 1 { best[j - 1] + RUN } else { NEVER };
            let (before, at) = match i {
                0 => (SKIPPED * (j as i32).min(8), 0),
                _ if near >= far => (near, j.saturating_sub(1)),
                _ => (far, far_at),
            };
            if before > NEVER / 2 {
                (row[j], came[i][j]) = (before + HIT + start(text, j), at);
            }
        }
        best = row;
    }
    let (mut at, score) =
        best.iter().copied().enumerate().max_by_key(|(j, s)| (*s, usize::MAX - j))?;
    if score <= NEVER / 2 {
        return None;
    }
    let mut marks = Vec::with_capacity(word.len());
    for row in came.iter().rev() {
        marks.push(text[at].0);
        at = row[at];
    }
    marks.reverse();
    let whole = if word.len() == text.len() { WHOLE } else { 0 };
    Some((score + whole, marks))
}

/// The first word of a text that begins so.
fn begin(word: &[char], text: &[(usize, char)]) -> Option<(i32, Vec<usize>)> {
    let starts = |at: &usize| {
        start(text, *at) > 0 && text[*at..].iter().map(|(_, c)| c).take(word.len()).eq(word)
    };
    let at = (0..text.len()).find(starts)?;
    let marks = text[at..].iter().take(word.len()).map(|(i, _)| *i).collect();
    Some((HIT * word.len() as i32 / 2, marks))
}

/// What a letter at the beginning of the text or of a word is worth.
fn start(text: &[(usize, char)], at: usize) -> i32 {
    match at.checked_sub(1).map(|before| text[before].1) {
        None => FIRST,
        Some(before) if !before.is_alphanumeric() && text[at].1.is_alphanumeric() => WORD_START,
        Some(_) => 0,
    }
}

/// The letters of a text, in lower case and without accents, with their character's index.
fn folded(text: &str) -> Vec<(usize, char)> {
    let is_mark = |c: char| ('\u{300}'..='\u{36f}').contains(&c);
    let chars = text.chars().enumerate().take(MAX_LEN).filter(|(_, c)| !is_mark(*c));
    chars.map(|(i, c)| (i, bare(c.to_lowercase().next().unwrap_or(c)))).collect()
}

/// A Latin letter without its accent; others as they are.
fn bare(c: char) -> char {
    const ACCENTED: &[(&str, char)] = &[
        ("àáâãäåāăą", 'a'),
        ("çćĉċč", 'c'),
        ("ďđð", 'd'),
        ("èéêëēĕėęě", 'e'),
        ("ĝğġģ", 'g'),
        ("ĥħ", 'h'),
        ("ìíîïĩīĭįı", 'i'),
        ("ĵ", 'j'),
        ("ķ", 'k'),
        ("ĺļľŀł", 'l'),
        ("ñńņňŉ", 'n'),
        ("òóôõöøōŏő", 'o'),
        ("ŕŗř", 'r'),
        ("śŝşšș", 's'),
        ("ţťŧț", 't'),
        ("ùúûüũūŭůűų", 'u'),
        ("ŵ", 'w'),
        ("ýÿŷ", 'y'),
        ("źżž", 'z'),
    ];
    if c.is_ascii() {
        return c;
    }
    ACCENTED.iter().find(|(all, _)| all.contains(c)).map_or(c, |(_, bare)| *bare)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn name(query: &str, text: &str) -> Option<Rank> {
        Query::new(query).rank(&[Field::Name(text)])
    }

    fn score(query: &str, text: &str) -> i32 {
        name(query, text).map_or(NEVER, |rank| rank.score)
    }

    #[test]
    fn better_hits_score_more() {
        // Whole, prefix, start of a word, run, scattered.
        let texts = ["mel", "mel bands", "to mel", "camels", "miserable"];
        let scores = texts.map(|text| score("mel", text));
        assert!(scores.is_sorted_by(|a, b| a > b), "{scores:?}");
        assert!(score("cf", "Chroma filter") > score("cf", "Cliff"));
    }

    #[test]
    fn the_letters_found_are_the_best_placed() {
        assert_eq!(name("chrm", "Chroma").unwrap().marks, [[0, 1, 2, 4]]);
        assert_eq!(name("fil", "Of a filter").unwrap().marks, [[5, 6, 7]]);
    }

    #[test]
    fn case_and_accents_do_not_count() {
        assert_eq!(name("resume", "RÉSUMÉ").unwrap().marks[0].len(), 6);
        assert_eq!(name("Ünï", "uni"), name("uni", "uni"));
        // A letter with its accent as a character of its own.
        assert_eq!(name("eb", "e\u{301}b").unwrap().marks, [[0, 2]]);
    }

    #[test]
    fn prose_is_found_by_beginnings_of_words_alone() {
        let rank = |query| Query::new(query).rank(&[Field::Name("X"), Field::Prose("Loud parts")]);
        assert_eq!(rank("par").unwrap().marks, [vec![], vec![5, 6, 7]]);
        assert_eq!(rank("arts"), None);
        assert_eq!(rank("lps"), None);
    }

    #[test]
    fn every_word_must_be_found_in_some_field() {
        let fields = [Field::Name("Blur"), Field::Name("post.blur"), Field::Prose("Softens.")];
        assert!(Query::new("soft blur").rank(&fields).is_some());
        assert!(Query::new("hard blur").rank(&fields).is_none());
    }

    #[test]
    fn a_weightier_field_outdoes_a_lesser_one() {
        let by = |fields: &[Field<'_>]| Query::new("noise").rank(fields).unwrap().score;
        let (hit, other) = (Field::Name("Noise"), Field::Name("x"));
        assert!(by(&[hit, other]) > by(&[other, hit]));
    }

    fn is_in_order(word: &str, text: &str) -> bool {
        let mut rest = text.chars();
        word.chars().all(|c| rest.any(|t| t == c))
    }

    proptest! {
        #[test]
        fn a_name_is_found_where_the_letters_come_in_order(
            word in "[ab_.]{1,5}", text in "[abc_. ]{0,12}",
        ) {
            let found = name(&word, &text);
            prop_assert_eq!(found.is_some(), is_in_order(&word, &text));
            if let Some(rank) = found {
                let marks = &rank.marks[0];
                prop_assert!(marks.is_sorted_by(|a, b| a < b));
                let marked: String = marks.iter().map(|&i| text.chars().nth(i).unwrap()).collect();
                prop_assert_eq!(marked, word);
            }
        }

        #[test]
        fn nothing_typed_can_stop_it(query in ".{0,200}", text in ".{0,400}") {
            let fields = [Field::Name(&text), Field::Prose(&text)];
            if let Some(rank) = Query::new(&query).rank(&fields) {
                let len = text.chars().count();
                prop_assert!(rank.marks.iter().flatten().all(|&i| i < len));
            }
        }

        #[test]
        fn a_name_finds_itself_best(names in prop::collection::btree_set("[a-z]{2,8}", 2..6)) {
            for sought in &names {
                let best = names.iter().max_by_key(|n| score(sought, n));
                prop_assert_eq!(best, Some(sought));
            }
        }
    }
}
