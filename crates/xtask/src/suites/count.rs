//! How many tests passed and failed, read from what the test runners print.

use std::ops::Add;

/// Tests that passed and failed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Count {
    /// Passed.
    pub passed: u64,
    /// Failed, timed out, or could not be run.
    pub failed: u64,
}

impl Add for Count {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self { passed: self.passed + other.passed, failed: self.failed + other.failed }
    }
}

impl Count {
    /// A check that is one test as a whole.
    pub fn of_one(success: bool) -> Self {
        Self { passed: u64::from(success), failed: u64::from(!success) }
    }

    /// A runner that ends with an error without naming a failed test (it did not compile, it crashed) is one failure.
    pub fn with_status(self, success: bool) -> Self {
        Self { failed: if success { self.failed } else { self.failed.max(1) }, ..self }
    }
}

/// nextest: `Summary [ 1.2s] 7 tests run: 5 passed (1 slow), 1 failed, 1 timed out, 2 skipped`.
/// A line of a run that was cut short says `5/7 tests run`.
pub fn nextest(output: &str) -> Count {
    let mut lines = output.lines().rev();
    let Some(line) = lines.find(|line| line.trim_start().starts_with("Summary")) else {
        return Count::default();
    };
    let failed = ["failed", "timed out", "exec failed", "leak-failed"];
    Count {
        passed: number_before(line, "passed"),
        failed: failed.iter().map(|word| number_before(line, word)).sum(),
    }
}

/// cargo test: `test result: ok. 3 passed; 0 failed; 0 ignored; …`, one line per binary.
pub fn cargo_test(output: &str) -> Count {
    let lines = output.lines().filter(|line| line.trim_start().starts_with("test result:"));
    lines.fold(Count::default(), |sum, line| {
        sum + Count { passed: number_before(line, "passed"), failed: number_before(line, "failed") }
    })
}

/// vitest: `Tests  1 failed | 3 passed (4)`.
pub fn vitest(output: &str) -> Count {
    let mut lines = output.lines().rev();
    let Some(line) = lines.find_map(|line| line.trim_start().strip_prefix("Tests ")) else {
        return Count::default();
    };
    Count { passed: number_before(line, "passed"), failed: number_before(line, "failed") }
}

/// node --test: `# pass 3` and `# fail 0`, or the same behind `ℹ`.
pub fn node_test(output: &str) -> Count {
    let number = |word: &str| {
        let mut values = output.lines().rev().filter_map(|line| {
            let mut words = line.split_whitespace();
            (matches!(words.next(), Some("#" | "ℹ")) && words.next() == Some(word))
                .then(|| words.next()?.parse::<u64>().ok())?
        });
        values.next().unwrap_or(0)
    };
    Count { passed: number("pass"), failed: number("fail") + number("cancelled") }
}

/// The number in front of a word: 5 for "passed" in "run: 5 passed (1 slow), …". Zero when the word is not there.
/// The word must follow the number directly, so that "failed" does not count what "exec failed" counts.
fn number_before(line: &str, word: &str) -> u64 {
    let parts = line.split([',', ';', '|', ':', '.', '(']).map(str::trim);
    let mut numbers = parts.filter_map(|part| {
        let (number, rest) = part.split_once(char::is_whitespace)?;
        (rest.trim().trim_end_matches(')') == word).then(|| number.parse::<u64>().ok())?
    });
    numbers.next().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(passed: u64, failed: u64) -> Count {
        Count { passed, failed }
    }

    #[test]
    fn nextest_summaries() {
        let green = "     Summary [   0.123s] 12 tests run: 12 passed (1 slow), 3 skipped\n";
        assert_eq!(nextest(green), count(12, 0));
        let red = "     Summary [   9.1s] 7 tests run: 4 passed, 1 failed, 1 timed out, 1 exec failed, 0 skipped\n        FAIL a b\n";
        assert_eq!(nextest(red), count(4, 3));
        let cut = "     Summary [   9.1s] 5/7 tests run: 4 passed (1 flaky), 1 failed, 2 skipped";
        assert_eq!(nextest(cut), count(4, 1));
        let one = "     Summary [   0.1s] 1 test run: 1 passed, 0 skipped";
        assert_eq!(nextest(one), count(1, 0));
        assert_eq!(nextest("error: could not compile"), count(0, 0));
    }

    #[test]
    fn cargo_test_sums_its_binaries() {
        let output = "test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.01s\n\
                      test result: FAILED. 2 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.01s\n";
        assert_eq!(cargo_test(output), count(5, 1));
    }

    #[test]
    fn vitest_summaries() {
        assert_eq!(vitest(" Test Files  2 passed (2)\n      Tests  4 passed (4)\n"), count(4, 0));
        assert_eq!(
            vitest(" Test Files  1 failed (1)\n      Tests  1 failed | 3 passed | 2 skipped (6)\n"),
            count(3, 1)
        );
    }

    #[test]
    fn node_test_summaries() {
        assert_eq!(node_test("# tests 5\n# pass 3\n# fail 1\n# cancelled 1\n"), count(3, 2));
        assert_eq!(node_test("ℹ tests 3\nℹ pass 3\nℹ fail 0\n"), count(3, 0));
    }

    #[test]
    fn a_runner_that_fails_silently_is_one_failure() {
        assert_eq!(count(0, 0).with_status(false), count(0, 1));
        assert_eq!(count(4, 3).with_status(false), count(4, 3));
        assert_eq!(count(4, 0).with_status(true), count(4, 0));
    }
}
