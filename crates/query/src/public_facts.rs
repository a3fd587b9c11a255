//! What every signed-in user may be told, whatever their scope: the one list.
//!
//! Everything else that an answer says depends on records within its reader's scope alone. The property test
//! `what_is_outside_a_scope_changes_no_byte_of_an_answer` changes everything but these.

/// A fact that is public by declaration to everyone who is signed in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PublicFact {
    /// What it is.
    pub fact: &'static str,
    /// Why nobody is kept from it.
    pub because: &'static str,
}

/// Every fact that is public by declaration. Who holds no permission for a route is not told by that route.
pub const PUBLIC_FACTS: &[PublicFact] = &[
    PublicFact {
        fact: "names of people, whom they report to, and the teams that they lead and are in",
        because: "a deal's history names colleagues, and who sees what can only be understood by who reports to whom",
    },
    PublicFact {
        fact: "names and order of stages, names of labels, teams and our own companies",
        because: "figures and filters are said in these words",
    },
    PublicFact {
        fact: "the reporting calendar: time zone, first month of the fiscal year",
        because: "a period means the same to everyone",
    },
    PublicFact {
        fact: "sources: name, kind, state, last complete sync, runs with their counts and errors",
        because: "a figure is worth as much as the reading it rests on",
    },
    PublicFact {
        fact: "which generations are read, and the version of the definitions of figures",
        because: "two people who compare figures must see that they compare the same",
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_documentation_lists_them() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/security.md");
        let text = std::fs::read_to_string(path).unwrap();
        for PublicFact { fact, because } in PUBLIC_FACTS {
            assert!(text.contains(&format!("| {fact} | {because} |")), "{fact} | {because}");
        }
    }
}
