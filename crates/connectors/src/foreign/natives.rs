//! The functions that a mapping can call and that are not written in `jq`.
//!
//! A list of what is allowed, not of what is forbidden: a function that a later version of the library brings is not
//! there until it stands here. Functions of our own are those that the library would give without a bound, and those
//! for dates and texts that mappings need most.

use jaq_core::box_iter::box_once;
use jaq_core::native::{Fun, bome, v};
use jaq_core::{Cv, Error, Exn, Native, RunPtr, ValR, ValT as _, ValXs};
use jaq_json::Val;
use jaq_std::ValT as _;
use jiff::Timestamp;
use regex::Regex;

use super::meter::{Metered, Run};

/// Name of the function that lets a value pass and counts it. No program can spell it.
pub(super) const PASS: &str = "!pass";
/// Name of the function that lets a value pass and charges for its parts.
pub(super) const WEIGH: &str = "!weigh";
/// Name of the multiplication that knows its cost before it is done.
pub(super) const TIMES: &str = "!times";
/// Name of the subtraction that does.
pub(super) const MINUS: &str = "!minus";

/// What the library has and a mapping may use.
const ALLOWED: &[&str] = &[
    "ascii_downcase",
    "ascii_upcase",
    "ceil",
    "endswith",
    "error_empty",
    "explode",
    "first",
    "floor",
    "group_by",
    "has",
    "implode",
    "key_values",
    "keys_unsorted",
    "last",
    "length",
    "limit",
    "ltrim",
    "ltrimstr",
    "max_by_or_empty",
    "min_by_or_empty",
    "path",
    "range",
    "reverse",
    "round",
    "rtrim",
    "rtrimstr",
    "skip",
    "sort",
    "sort_by",
    "startswith",
    "tojson",
    "trim",
    "utf8bytelength",
];
/// Of these, what only the prelude may use.
const INTERNAL: &[&str] = &["error_empty", "key_values", "max_by_or_empty", "min_by_or_empty"];
/// Steps that compiling a regular expression costs.
const REGEX_STEPS: u64 = 1_000;
/// Largest compiled regular expression, in bytes.
const REGEX_SIZE: usize = 1 << 18;

/// Every function.
pub(super) fn all() -> Vec<Fun<Metered>> {
    let library = jaq_core::funs::<Metered>().chain(jaq_std::base_funs()).chain(jaq_json::funs());
    let mut all: Vec<_> = library.filter(|(name, _, _)| ALLOWED.contains(name)).collect();
    all.push((PASS, v(0), pass()));
    all.push((WEIGH, v(0), weigh()));
    let own: [(&'static str, usize, RunPtr<Metered>); 9] = [
        (TIMES, 2, times),
        (MINUS, 2, minus),
        ("contains", 1, contains),
        ("tonumber", 0, |cv| bome(number(&cv.1))),
        ("fromdate", 0, |cv| bome(seconds(&cv.1))),
        ("todate", 0, |cv| bome(date(&cv.1))),
        ("test", 1, test),
        ("capture", 1, capture),
        ("gsub", 2, replace),
    ];
    all.extend(own.into_iter().map(|(name, arity, run)| (name, v(arity), Native::<Metered>::new(run))));
    all
}

/// Whether a program may call a function by this name.
pub(super) fn is_open(name: &str) -> bool {
    !name.starts_with('!') && !INTERNAL.contains(&name)
}

/// The identity, in every position where a filter may stand, counted.
fn pass() -> Native<Metered> {
    Native::<Metered>::new(|cv| box_once(cv.0.data().pass(&cv.1).map(|()| cv.1)))
        .with_paths(|cv| box_once(cv.0.data().pass(&cv.1.0).map(|()| cv.1)))
        .with_update(|cv, update| match cv.0.data().pass(&cv.1) {
            Ok(()) => update(cv.1),
            Err(halt) => box_once(Err(halt)),
        })
}

/// The identity, in every position where a filter may stand, weighed.
fn weigh() -> Native<Metered> {
    Native::<Metered>::new(|cv| box_once(cv.0.data().weigh(&cv.1).map(|()| cv.1)))
        .with_paths(|cv| box_once(cv.0.data().weigh(&cv.1.0).map(|()| cv.1)))
        .with_update(|cv, update| match cv.0.data().weigh(&cv.1) {
            Ok(()) => update(cv.1),
            Err(halt) => box_once(Err(halt)),
        })
}

type Values<'a> = ValXs<'a, Val>;

/// Two operands; the second was bound last.
fn operands<'a>(cv: &mut Cv<'a, Metered>) -> (Val, Val) {
    let right = cv.0.pop_var();
    (cv.0.pop_var(), right)
}

/// A text times a number repeats the text: that is charged before it is done.
fn times(mut cv: Cv<'_, Metered>) -> Values<'_> {
    let (left, right) = operands(&mut cv);
    let run = *cv.0.data();
    let repeated = match (&left, &right) {
        (Val::TStr(text) | Val::BStr(text), number) | (number, Val::TStr(text) | Val::BStr(text)) => {
            number.as_f64().map_or(0.0, |number| number.max(0.0) * text.len() as f64)
        }
        _ => 0.0,
    };
    // A float beyond the range of u64 becomes its largest number.
    if let Err(halt) = run.charge((repeated / 32.0) as u64) {
        return box_once(Err(halt));
    }
    bome(left * right)
}

/// What is taken out of an array is compared with all that is in it.
fn minus(mut cv: Cv<'_, Metered>) -> Values<'_> {
    let (left, right) = operands(&mut cv);
    let run = *cv.0.data();
    if let (Val::Arr(all), Val::Arr(out)) = (&left, &right)
        && let Err(halt) = run.charge(all.len() as u64 * out.len() as u64)
    {
        return box_once(Err(halt));
    }
    bome(left - right)
}

/// Whether a value contains another, as jq has it; every comparison is charged.
fn contains(mut cv: Cv<'_, Metered>) -> Values<'_> {
    let sought = cv.0.pop_var();
    let run = *cv.0.data();
    box_once(is_in(&run, &cv.1, &sought).map(Val::from))
}

fn is_in(run: &Run<'_>, all: &Val, sought: &Val) -> Result<bool, Exn<'static, Val>> {
    run.pass(all)?;
    match (all, sought) {
        (Val::TStr(all), Val::TStr(sought)) => {
            run.charge(1 + all.len() as u64 / 32)?;
            // Texts of a mapping come from JSON, and are UTF-8; of anything else this is the comparison of bytes.
            Ok(String::from_utf8_lossy(all).contains(&*String::from_utf8_lossy(sought)))
        }
        (Val::Arr(all), Val::Arr(sought)) => {
            for wanted in sought.iter() {
                let mut found = false;
                for item in all.iter() {
                    found = found || is_in(run, item, wanted)?;
                }
                if !found {
                    return Ok(false);
                }
            }
            Ok(true)
        }
        (Val::Obj(all), Val::Obj(sought)) => {
            for (key, wanted) in sought.iter() {
                match all.get(key) {
                    Some(item) if is_in(run, item, wanted)? => {}
                    _ => return Ok(false),
                }
            }
            Ok(true)
        }
        _ => Ok(all == sought),
    }
}

fn text(value: &Val) -> Result<&str, Error<Val>> {
    let bytes = value.as_utf8_bytes().ok_or_else(|| Error::typ(value.clone(), "string"))?;
    std::str::from_utf8(bytes).map_err(Error::str)
}

/// A number, or a text that is one.
fn number(value: &Val) -> ValR<Val> {
    if value.as_f64().is_some() {
        return Ok(value.clone());
    }
    let text = text(value)?.trim();
    let is_number = text.parse::<f64>().is_ok_and(f64::is_finite);
    if is_number { Val::from_num(text) } else { Err(Error::str(format!("{text:?} is no number"))) }
}

/// Seconds since 1970 of a moment written after RFC 3339.
fn seconds(value: &Val) -> ValR<Val> {
    let at: Timestamp = text(value)?.parse().map_err(|_| Error::typ(value.clone(), "moment, RFC 3339"))?;
    isize::try_from(at.as_second()).map(Val::from).map_err(Error::str)
}

/// The moment that many seconds after 1970, in UTC.
fn date(value: &Val) -> ValR<Val> {
    let seconds = value.as_f64().filter(|seconds| seconds.is_finite());
    let micros = seconds.map(|seconds| (seconds * 1e6).round() as i64);
    let at = micros.and_then(|micros| Timestamp::from_microsecond(micros).ok());
    let at = at.ok_or_else(|| Error::typ(value.clone(), "seconds since 1970"))?;
    Ok(Val::utf8_str(at.to_string()))
}

/// A regular expression in the syntax of the crate `regex`, which matches in linear time.
fn regex(run: &Run<'_>, pattern: &Val) -> Result<Regex, Exn<'static, Val>> {
    run.charge(REGEX_STEPS)?;
    let built = text(pattern)
        .and_then(|text| regex::RegexBuilder::new(text).size_limit(REGEX_SIZE).build().map_err(Error::str));
    built.map_err(Exn::from)
}

fn test(mut cv: Cv<'_, Metered>) -> Values<'_> {
    let pattern = cv.0.pop_var();
    let run = *cv.0.data();
    let tested = || {
        let regex = regex(&run, &pattern)?;
        Ok(Val::from(regex.is_match(text(&cv.1)?)))
    };
    box_once(tested())
}

/// The named groups of the first match; nothing if there is none.
fn capture(mut cv: Cv<'_, Metered>) -> Values<'_> {
    let pattern = cv.0.pop_var();
    let run = *cv.0.data();
    let captured = || {
        let regex = regex(&run, &pattern)?;
        let Some(found) = regex.captures(text(&cv.1)?) else { return Ok(None) };
        let named = regex.capture_names().flatten().map(|name| {
            let group = found.name(name).map_or(Val::Null, |group| Val::utf8_str(group.as_str().to_owned()));
            (Val::utf8_str(name.to_owned()), group)
        });
        Val::from_map(named).map(Some).map_err(Exn::from)
    };
    match captured() {
        Ok(found) => Box::new(found.into_iter().map(Ok)),
        Err(error) => box_once(Err(error)),
    }
}

/// Every match becomes a text, taken as it is.
fn replace(mut cv: Cv<'_, Metered>) -> Values<'_> {
    let (pattern, with) = operands(&mut cv);
    let run = *cv.0.data();
    let replaced = || {
        let regex = regex(&run, &pattern)?;
        let (all, with) = (text(&cv.1)?, text(&with)?);
        // A match may be empty, so there is at most one more than there are bytes.
        run.charge((all.len() as u64 + 1) * (1 + with.len() as u64 / 32))?;
        Ok(Val::utf8_str(regex.replace_all(all, regex::NoExpand(with)).into_owned()))
    };
    box_once(replaced())
}
