//! Which passwords are good enough: long, and not what everybody tries first.
//!
//! Length is what counts (NIST SP 800-63B, 5.1.1); no rule asks for digits or signs. What is refused is what lists of stolen
//! passwords begin with: a common word however it is decorated, a run of neighbours on a keyboard or in the alphabet, one piece
//! over and over, and the account's own name.

use secrecy::{ExposeSecret, SecretString};

/// Shorter passwords are refused, in characters.
pub const SHORTEST: usize = 12;
/// Longer ones too, in bytes: hashing must have a bound.
pub const LONGEST: usize = 256;

/// Words that common passwords are made of, one a line.
const COMMON: &str = include_str!("common_words.txt");

/// Words between them, which make nothing harder to guess. None is shorter: it would be found within too many others.
const FILLERS: [&str; 9] = ["from", "iamthe", "love", "that", "this", "thisis", "thisismy", "with", "your"];

/// Rows of keys and other rows that people walk along.
const ROWS: [&str; 17] = [
    "abcdefghijklmnopqrstuvwxyz",
    "01234567890",
    "qwertyuiop",
    "asdfghjkl",
    "zxcvbnm",
    "qwertzuiop",
    "azertyuiop",
    // Down the columns, and in zigzag between the two upper rows.
    "1qaz",
    "2wsx",
    "3edc",
    "4rfv",
    "5tgb",
    "6yhn",
    "7ujm",
    "8ik",
    "9ol",
    "1q2w3e4r5t6y7u8i9o0p",
];

/// Why a password is refused, in words for the person.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Weakness {
    /// Too short.
    #[error("a password needs {SHORTEST} characters or more; several words make a good one")]
    Short,
    /// Too long.
    #[error("a password may have {LONGEST} bytes at most")]
    Long,
    /// Among the first that anybody tries.
    #[error(
        "this password is among the first that are tried; several words that do not belong together make a good one"
    )]
    Common,
    /// Made of the account's own name or address.
    #[error("a password must not be made of one's name or address")]
    OwnName,
}

/// Checks a password of somebody with this address and name.
pub fn check(password: &SecretString, email: &str, name: &str) -> Result<(), Weakness> {
    let password = password.expose_secret();
    if password.len() > LONGEST {
        return Err(Weakness::Long);
    }
    if password.chars().count() < SHORTEST {
        return Err(Weakness::Short);
    }
    let plain = undecorated(password);
    let (local, domain) = email.split_once('@').unwrap_or((email, ""));
    // What every address ends with is nobody's own.
    let labels = domain.rsplit('.').skip(1);
    let own = local.split(['.', '-', '_', '+']).chain(labels).chain(name.split_whitespace()).chain([email]);
    let own: Vec<String> = own.map(undecorated).filter(|part| part.chars().count() >= 3).collect();
    if !own.is_empty() && is_made_of(&plain, &own) {
        return Err(Weakness::OwnName);
    }
    let common: Vec<String> = COMMON.lines().chain(FILLERS).map(undecorated).collect();
    let letters = plain.chars().filter(|c| c.is_alphabetic()).count();
    if letters > 0 && is_made_of(&plain, &common) || walks(password) || repeats(password) {
        return Err(Weakness::Common);
    }
    Ok(())
}

/// In lower case, with letters for the signs that stand in for them, and without what is put around words.
fn undecorated(text: &str) -> String {
    let lower = text.to_lowercase();
    let plain = lower.chars().map(|c| match c {
        '@' | '4' => 'a',
        '3' => 'e',
        '1' | '!' => 'i',
        '0' => 'o',
        '$' | '5' => 's',
        '7' => 't',
        other => other,
    });
    plain.collect()
}

/// Whether nothing but decoration is left of a text when these words are taken out: up to three letters, such as what digits
/// were read as.
fn is_made_of(text: &str, words: &[String]) -> bool {
    let mut words: Vec<&String> = words.iter().collect();
    words.sort_by_key(|word| std::cmp::Reverse(word.len()));
    let mut rest = text.to_owned();
    for word in words {
        rest = rest.replace(word.as_str(), " ");
    }
    rest != text && longest_word(&rest) <= 3
}

/// Letters of the longest run of letters.
fn longest_word(text: &str) -> usize {
    let runs = text.split(|c: char| !c.is_alphabetic()).map(|run| {
        // What digits and signs were read as are no letters of a word if they are all the same.
        let mut letters: Vec<char> = run.chars().collect();
        letters.dedup();
        letters.len()
    });
    runs.max().unwrap_or_default()
}

/// Whether two thirds of it are steps to a neighbour in a row, forth or back.
fn walks(password: &str) -> bool {
    let characters: Vec<char> = password.to_lowercase().chars().collect();
    let neighbours = |pair: &&[char]| {
        let pair: String = pair.iter().collect();
        let back: String = pair.chars().rev().collect();
        ROWS.iter().any(|row| row.contains(&pair) || row.contains(&back))
    };
    let steps = characters.windows(2).filter(neighbours).count();
    steps * 3 >= characters.len().saturating_sub(1) * 2
}

/// Whether it is a piece of up to four characters over and over.
fn repeats(password: &str) -> bool {
    let characters: Vec<char> = password.chars().collect();
    (1..=4)
        .any(|length| characters.iter().zip(characters.iter().skip(length)).all(|(one, other)| one == other))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn verdict(password: &str) -> Result<(), Weakness> {
        check(&SecretString::from(password), "ann.smith@example.com", "Ann Smith")
    }

    #[test]
    fn long_ones_that_nobody_tries_first_are_good() {
        for good in [
            "correct horse battery",
            "staple-wagon-cloud",
            "Tr1cky wombats juggle",
            "мой дядя самых честных",
            "j8Kd02mQpz7v",
            "my password is a sonnet of yours",
            "love this wagon",
            "another password",
            "new summer holiday turnips",
        ] {
            assert_eq!(verdict(good), Ok(()), "{good}");
        }
    }

    #[test]
    fn what_everybody_tries_first_is_refused_however_it_is_decorated() {
        for bad in [
            "password1234",
            "P@ssw0rd2026!",
            "Welcome2026!!",
            "administrator",
            "salescommand1",
            "summer-2026-!!",
            "letmein letmein",
            "thisismypassword",
            "ManchesterUnited1",
            "correcthorsebatterystaple",
            "mot-de-passe-2026-motdepasse",
            "1q2w3e4r5t6y",
            "1qaz2wsx3edc",
            "qwertyuiop12",
            "123456789012",
            "abcdefghijkl",
            "0987654321098",
            "aaaaaaaaaaaa",
            "abababababab",
            "12ab12ab12ab12",
        ] {
            assert_eq!(verdict(bad), Err(Weakness::Common), "{bad}");
        }
    }

    #[test]
    fn lengths_and_names() {
        assert_eq!(verdict("j8Kd02mQpz7"), Err(Weakness::Short));
        assert_eq!(verdict(&"ü".repeat(129)), Err(Weakness::Long));
        for own in ["ann.smith@example.com", "AnnSmith2026!", "smith-smith-smith", "Ann-Smith-123456"] {
            assert_eq!(verdict(own), Err(Weakness::OwnName), "{own}");
        }
        assert_eq!(verdict("smith wagons cloud"), Ok(()), "a name among other words is no harm");
    }

    proptest! {
        #[test]
        fn any_password_has_a_verdict_and_random_ones_are_good(text in ".{0,80}", random in "[a-z]{5} [g-z]{6} [b-y]{5}") {
            let _ = verdict(&text);
            prop_assert!(!matches!(verdict(&random), Err(Weakness::Short | Weakness::Long)));
        }
    }
}
