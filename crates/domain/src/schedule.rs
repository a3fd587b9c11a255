//! When a source is read by itself: cadences, and which objects are due.
//!
//! Nothing counts slots. What is due follows from two facts alone: when an object was asked for last, and when the
//! schedule was set. So slots that were missed while nothing ran are made up by one run, not by many.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use croner::Cron;
use croner::parser::{CronParser, Seconds, Year};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use crate::raw::ObjectName;

const MINUTE: u64 = 60;
/// The shortest interval, in seconds: what is looked for more often than this is told by a web hook.
const SHORTEST: u64 = 10;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;
/// After so many runs in a row that read nothing because of something that a person has to mend, a source is left alone until a
/// run that somebody asks for reads something: a login that is refused again and again gets its account locked. Trouble that
/// passes never pauses a source.
pub const PAUSE_AFTER: u32 = 5;

/// Whether a source is left alone after so many of them.
pub fn is_paused(failures: u32) -> bool {
    failures >= PAUSE_AFTER
}

/// So long after a hint its object is read: what is hinted at in the meantime is read with it.
const HINTS_GATHER: Duration = Duration::from_secs(3);
/// So long after that it is read once more, since a source may hint at a change before it is visible: Odoo does while the
/// transaction is under way, which ends within 120 s there.
const HINTS_REPEAT: Duration = Duration::from_secs(2 * MINUTE);
/// What waits for hints only, and could not be read, is tried again after so long: no slot makes up for it.
const HINTS_AGAIN: Duration = Duration::from_secs(5 * MINUTE);

/// The longest interval: longer than a leap year.
const LONGEST: u64 = 400 * DAY;

/// When something is to be read: `manual`, `webhook` (when the source hints at a change, and only then), an interval (`30s`,
/// `15m`, `2h`, `1d`), or a crontab expression of five fields with an IANA time zone behind it (`*/10 7-19 * * MON-FRI Europe/Zurich`), UTC if none is given.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Cadence {
    text: String,
    rule: Rule,
}

#[derive(Debug, Clone)]
enum Rule {
    Manual,
    WebHook,
    Every(Duration),
    Cron(Box<Crontab>),
}

#[derive(Debug, Clone)]
struct Crontab {
    fields: Cron,
    zone: TimeZone,
}

/// Two cadences are the same if their texts are.
impl PartialEq for Rule {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Rule {}

/// A text that is no cadence.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{text:?} is no schedule: {problem}; write manual, webhook, an interval of seconds, minutes, hours or days as 30s, 15m, 2h or 1d, or five \
     crontab fields with a time zone, as */10 7-19 * * MON-FRI Europe/Zurich"
)]
pub struct CadenceError {
    /// What was given.
    pub text: String,
    /// What is wrong with it.
    pub problem: String,
}

impl Cadence {
    /// Only when somebody asks for it.
    pub fn manual() -> Self {
        Self { text: "manual".to_owned(), rule: Rule::Manual }
    }

    /// The cadence of a source for which nobody has set another.
    pub fn usual() -> Self {
        Self { text: "15m".to_owned(), rule: Rule::Every(Duration::from_secs(15 * MINUTE)) }
    }

    /// The first slot after a moment; none if there is none.
    pub fn next(&self, after: Timestamp) -> Option<Timestamp> {
        match &self.rule {
            Rule::Manual | Rule::WebHook => None,
            Rule::Every(period) => after.checked_add(*period).ok(),
            Rule::Cron(crontab) => crontab.next(after),
        }
    }

    /// The same, in words that a person writes.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl FromStr for Cadence {
    type Err = CadenceError;

    fn from_str(text: &str) -> Result<Self, CadenceError> {
        let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
        let wrong = |problem: String| CadenceError { text: text.clone(), problem };
        let rule = if text == "manual" {
            Rule::Manual
        } else if text == "webhook" {
            Rule::WebHook
        } else if let Some(interval) = interval(&text) {
            Rule::Every(interval.map_err(|problem| wrong(problem.to_owned()))?)
        } else {
            Rule::Cron(Box::new(Crontab::parse(&text).map_err(wrong)?))
        };
        Ok(Self { text, rule })
    }
}

/// `30s`, `15m`; none if the text is something else.
fn interval(text: &str) -> Option<Result<Duration, &'static str>> {
    let units = [("s", 1), ("m", MINUTE), ("h", HOUR), ("d", DAY)];
    let (digits, unit) = units.iter().find_map(|(suffix, unit)| Some((text.strip_suffix(suffix)?, *unit)))?;
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let seconds = digits.parse::<u64>().ok().and_then(|count| count.checked_mul(unit));
    Some(match seconds {
        Some(0..SHORTEST) => Err("it must be 10 seconds or more"),
        Some(seconds) if seconds <= LONGEST => Ok(Duration::from_secs(seconds)),
        _ => Err("it must be 400 days or less"),
    })
}

impl Crontab {
    fn parse(text: &str) -> Result<Self, String> {
        let mut words = text.split(' ');
        let fields = words.by_ref().take(5).collect::<Vec<_>>().join(" ");
        let zone = match (words.next(), words.next()) {
            (None, _) => TimeZone::UTC,
            (Some(zone), None) => TimeZone::get(zone).map_err(|_| format!("there is no time zone {zone}"))?,
            (Some(_), Some(_)) => return Err("it has too many fields".to_owned()),
        };
        let parser = CronParser::builder().seconds(Seconds::Disallowed).year(Year::Disallowed).build();
        let fields =
            parser.parse(&fields).map_err(|error| error.to_string().trim_end_matches('.').to_owned())?;
        let crontab = Self { fields, zone };
        // 29 February has a next one, 30 February has none.
        match crontab.next(Timestamp::UNIX_EPOCH) {
            Some(_) => Ok(crontab),
            None => Err("that moment never comes".to_owned()),
        }
    }

    fn next(&self, after: Timestamp) -> Option<Timestamp> {
        let after = after.to_zoned(self.zone.clone());
        Some(self.fields.find_next_occurrence(&after, false).ok()?.timestamp())
    }
}

impl fmt::Display for Cadence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl TryFrom<String> for Cadence {
    type Error = CadenceError;

    fn try_from(text: String) -> Result<Self, CadenceError> {
        text.parse()
    }
}

impl From<Cadence> for String {
    fn from(cadence: Cadence) -> Self {
        cadence.text
    }
}

/// When a source is read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Schedule {
    /// The objects that have no cadence of their own.
    pub cadence: Cadence,
    /// Objects with a cadence of their own.
    #[serde(default)]
    pub objects: BTreeMap<ObjectName, Cadence>,
}

impl Default for Schedule {
    fn default() -> Self {
        Self { cadence: Cadence::usual(), objects: BTreeMap::new() }
    }
}

/// Which objects of a source a run reads.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Selection {
    /// Only these; none for all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub only: Option<Vec<ObjectName>>,
    /// All of them but these.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub except: Vec<ObjectName>,
}

impl Selection {
    /// Everything.
    pub fn all() -> Self {
        Self::default()
    }

    /// Some objects; everything if none is named.
    pub fn of(objects: Vec<ObjectName>) -> Self {
        if objects.is_empty() { Self::all() } else { Self::only(objects) }
    }

    /// Some objects.
    pub fn only(objects: Vec<ObjectName>) -> Self {
        Self { only: Some(objects), except: Vec::new() }
    }

    /// Whether an object is among them.
    pub fn takes(&self, object: &ObjectName) -> bool {
        self.only.as_ref().is_none_or(|only| only.contains(object)) && !self.except.contains(object)
    }
}

/// A stretch of a source's time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Ends", into = "Ends")]
pub struct TimeRange {
    from: Timestamp,
    to: Timestamp,
}

#[derive(Serialize, Deserialize)]
struct Ends {
    from: Timestamp,
    to: Timestamp,
}

/// A time range that ends before it begins, or when it does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the range ends at {to}, which is not after its beginning at {from}")]
pub struct TimeRangeError {
    /// Its beginning.
    pub from: Timestamp,
    /// Its end.
    pub to: Timestamp,
}

impl TimeRange {
    /// From a moment on, that moment included, up to another one, that one excluded: ranges that touch leave nothing out.
    pub fn new(from: Timestamp, to: Timestamp) -> Result<Self, TimeRangeError> {
        if from < to { Ok(Self { from, to }) } else { Err(TimeRangeError { from, to }) }
    }

    /// Its first moment.
    pub fn from(self) -> Timestamp {
        self.from
    }

    /// The first moment behind it.
    pub fn to(self) -> Timestamp {
        self.to
    }

    /// Whether a moment is in it.
    pub fn contains(self, moment: Timestamp) -> bool {
        self.from <= moment && moment < self.to
    }
}

impl TryFrom<Ends> for TimeRange {
    type Error = TimeRangeError;

    fn try_from(Ends { from, to }: Ends) -> Result<Self, TimeRangeError> {
        Self::new(from, to)
    }
}

impl From<TimeRange> for Ends {
    fn from(TimeRange { from, to }: TimeRange) -> Self {
        Self { from, to }
    }
}

/// When the objects of a source were asked for last, whatever became of it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asked {
    /// Those that are not named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    rest: Option<Timestamp>,
    /// Objects for which that was at another moment; none for never.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    objects: BTreeMap<ObjectName, Option<Timestamp>>,
}

impl Asked {
    /// The same after a run was asked for.
    #[must_use]
    pub fn with(&self, selection: &Selection, at: Timestamp) -> Self {
        let mut asked = self.clone();
        match &selection.only {
            Some(only) => {
                let read = only.iter().filter(|object| selection.takes(object));
                asked.objects.extend(read.map(|object| (object.clone(), Some(at))));
            }
            None => {
                let left = selection.except.iter().map(|object| (object.clone(), self.last(object)));
                asked = Self { rest: Some(at), objects: left.collect() };
            }
        }
        asked
    }

    /// When an object was asked for last.
    pub fn last(&self, object: &ObjectName) -> Option<Timestamp> {
        self.objects.get(object).copied().unwrap_or(self.rest)
    }
}

impl Schedule {
    /// What is due at a moment, if anything. `since` is when the schedule was set: nothing is due for being late then.
    pub fn due(&self, asked: &Asked, since: Timestamp, now: Timestamp) -> Option<Selection> {
        let slots = self.slots(asked, since);
        let is_due = |slot: Option<Timestamp>| slot.is_some_and(|slot| slot <= now);
        let (due, not_due): (Vec<_>, Vec<_>) = slots.objects.into_iter().partition(|(_, slot)| is_due(*slot));
        let names = |slots: Vec<(ObjectName, _)>| slots.into_iter().map(|(object, _)| object).collect();
        if is_due(slots.rest) {
            return Some(Selection { only: None, except: names(not_due) });
        }
        (!due.is_empty()).then(|| Selection::only(names(due)))
    }

    /// The next moment at which something is due; none if nothing ever is.
    pub fn next(&self, asked: &Asked, since: Timestamp) -> Option<Timestamp> {
        let slots = self.slots(asked, since);
        slots.objects.into_iter().filter_map(|(_, slot)| slot).chain(slots.rest).min()
    }

    fn slots(&self, asked: &Asked, since: Timestamp) -> Slots {
        let after = |last: Option<Timestamp>| last.map_or(since, |last| last.max(since));
        let own = self.objects.iter();
        Slots {
            rest: self.cadence.next(after(asked.rest)),
            objects: own.map(|(name, own)| (name.clone(), own.next(after(asked.last(name))))).collect(),
        }
    }
}

/// When the objects of a source have to be read because of hints, whatever their cadences. A hint names an object and says
/// nothing that is believed: to read without need does no harm, and costs a request.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hints {
    #[serde(default)]
    objects: BTreeMap<ObjectName, Hinted>,
}

/// The moments at which an object has to be read because of hints, if it was not asked for since.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Hinted {
    /// The one before `soon`: without it, hints that come without end would put off the reading for ever.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    before: Option<Timestamp>,
    soon: Timestamp,
    again: Timestamp,
}

impl Hints {
    /// The same with one more; none if a reading that is still to begin serves it as well.
    pub fn with(&self, object: &ObjectName, now: Timestamp) -> Option<Self> {
        let known = self.objects.get(object).map(|hinted| hinted.soon);
        if known.is_some_and(|soon| now < soon) {
            return None;
        }
        let soon = now.checked_add(HINTS_GATHER).ok()?;
        let again = soon.checked_add(HINTS_REPEAT).ok()?;
        let mut hints = self.clone();
        hints.objects.insert(object.clone(), Hinted { before: known, soon, again });
        Some(hints)
    }

    /// What is due at a moment, if anything.
    pub fn due(&self, asked: &Asked, now: Timestamp) -> Option<Selection> {
        let is_due = |(object, hinted): &(&ObjectName, &Hinted)| {
            let last = asked.last(object);
            let moments = hinted.before.into_iter().chain([hinted.soon, hinted.again]);
            moments.into_iter().any(|moment| moment <= now && last.is_none_or(|last| last < moment))
        };
        let due: Vec<_> = self.objects.iter().filter(is_due).map(|(object, _)| object.clone()).collect();
        (!due.is_empty()).then(|| Selection::only(due))
    }

    /// What waits for hints only, was asked for on account of one, and was not read to its end since. `read` is when each object
    /// was last; `failed`, whether the last run failed: of what was never read nothing else tells whether the source has it.
    pub fn failed(
        &self,
        schedule: &Schedule,
        asked: &Asked,
        (read, failed): (&BTreeMap<ObjectName, Timestamp>, bool),
        now: Timestamp,
    ) -> Option<Selection> {
        let is_due = |object: &&ObjectName| {
            let cadence = schedule.objects.get(object).unwrap_or(&schedule.cadence);
            let Some(last) = asked.last(object).filter(|_| matches!(cadence.rule, Rule::WebHook)) else {
                return false;
            };
            let unread = read.get(object).map_or(failed, |read| *read < last);
            unread && last.checked_add(HINTS_AGAIN).is_ok_and(|again| again <= now)
        };
        let due: Vec<_> = self.objects.keys().filter(is_due).cloned().collect();
        (!due.is_empty()).then(|| Selection::only(due))
    }
}

/// The next slots.
struct Slots {
    rest: Option<Timestamp>,
    objects: Vec<(ObjectName, Option<Timestamp>)>,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(minutes: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + minutes * 60).unwrap()
    }

    fn cadence(text: &str) -> Cadence {
        text.parse().unwrap()
    }

    fn object(name: &str) -> ObjectName {
        ObjectName::new(name).unwrap()
    }

    #[test]
    fn a_cadence_is_its_text() {
        for text in [
            "manual",
            "webhook",
            "10s",
            "30s",
            "1m",
            "15m",
            "2h",
            "400d",
            "*/10 7-19 * * MON-FRI Europe/Zurich",
            "0 3 29 2 *",
            "0 3 L * *",
            "0 3 * * MON#1",
        ] {
            let json = serde_json::to_string(&cadence(text)).unwrap();
            assert_eq!(json, format!("{text:?}"));
            assert_eq!(serde_json::from_str::<Cadence>(&json).unwrap(), cadence(text));
        }
        assert_eq!(cadence("  0 3  * * * ").as_str(), "0 3 * * *");
    }

    #[test]
    fn what_is_no_cadence_is_refused_with_what_to_write() {
        let wrong = [
            "",
            "0m",
            "401d",
            "99999999999999999999d",
            "-5m",
            "15",
            "9s",
            "0s",
            "* * * *",
            "61 * * * *",
            "0 0 30 2 *",
            "0 3 * * * Europe/Atlantis",
            "always",
        ];
        for text in wrong {
            let error = text.parse::<Cadence>().unwrap_err().to_string();
            assert!(error.contains("write manual") && !error.contains('\n'), "{error}");
        }
    }

    #[test]
    fn a_crontab_follows_the_clocks_of_its_zone() {
        let night = cadence("30 3 * * * Europe/Zurich");
        let next = |after: &str| night.next(after.parse().unwrap()).unwrap().to_string();
        assert_eq!(next("2026-03-27T12:00:00Z"), "2026-03-28T02:30:00Z");
        assert_eq!(next("2026-03-28T12:00:00Z"), "2026-03-29T01:30:00Z", "summer time");
        assert_eq!(
            cadence("30 3 * * *").next("2026-03-28T12:00:00Z".parse().unwrap()).unwrap(),
            "2026-03-29T03:30:00Z".parse().unwrap()
        );
    }

    #[test]
    fn an_object_with_a_cadence_of_its_own_is_read_alone_and_left_out_of_the_rest() {
        let objects = BTreeMap::from([(object("lead"), cadence("5m")), (object("message"), cadence("1d"))]);
        let schedule = Schedule { cadence: cadence("60m"), objects };
        let mut asked = Asked::default().with(&Selection::all(), at(0));
        assert_eq!(schedule.due(&asked, at(0), at(4)), None);
        assert_eq!(schedule.next(&asked, at(0)), Some(at(5)));
        let lead = Selection::only(vec![object("lead")]);
        assert_eq!(schedule.due(&asked, at(0), at(5)), Some(lead.clone()));
        asked = asked.with(&lead, at(58));
        let due = schedule.due(&asked, at(0), at(60)).unwrap();
        assert_eq!(due.except, [object("lead"), object("message")]);
        asked = asked.with(&due, at(60));
        assert_eq!(asked.last(&object("lead")), Some(at(58)), "not read with the rest");
        assert_eq!(asked.last(&object("message")), Some(at(0)));
        assert_eq!(asked.last(&object("partner")), Some(at(60)));
        assert_eq!(schedule.due(&asked, at(0), at(1440)), Some(Selection::all()));
    }

    #[test]
    fn what_is_never_read_by_itself_is_never_due() {
        let objects = BTreeMap::from([(object("lead"), Cadence::manual())]);
        let schedule = Schedule { cadence: cadence("1m"), objects };
        let due = schedule.due(&Asked::default(), at(0), at(9_999)).unwrap();
        assert_eq!(due.except, [object("lead")]);
        let schedule = Schedule { cadence: Cadence::manual(), objects: BTreeMap::new() };
        assert_eq!(schedule.due(&Asked::default(), at(0), at(9_999)), None);
        assert_eq!(schedule.next(&Asked::default(), at(0)), None);
    }

    #[test]
    fn what_waits_for_hints_is_never_due_by_the_clock() {
        let objects = BTreeMap::from([(object("lead"), cadence("webhook"))]);
        let schedule = Schedule { cadence: cadence("1m"), objects: objects.clone() };
        let due = schedule.due(&Asked::default(), at(0), at(9_999)).unwrap();
        assert_eq!(due.except, [object("lead")]);
        let schedule = Schedule { cadence: cadence("webhook"), objects };
        assert_eq!(schedule.due(&Asked::default(), at(0), at(9_999)), None);
        assert_eq!(schedule.next(&Asked::default(), at(0)), None);
    }

    fn second(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + seconds).unwrap()
    }

    #[test]
    fn an_object_that_is_hinted_at_is_read_soon_and_once_more() {
        let lead = object("lead");
        let hints = Hints::default().with(&lead, second(0)).unwrap();
        assert_eq!(hints.with(&lead, second(2)), None, "the same reading serves both");
        let asked = Asked::default().with(&Selection::all(), second(1));
        assert_eq!(hints.due(&asked, second(2)), None);
        assert_eq!(hints.due(&asked, second(3)), Some(Selection::only(vec![lead.clone()])));
        let asked = asked.with(&Selection::only(vec![lead.clone()]), second(5));
        assert_eq!(hints.due(&asked, second(122)), None);
        assert_eq!(hints.due(&asked, second(123)), Some(Selection::only(vec![lead.clone()])));
        let asked = asked.with(&Selection::all(), second(123));
        assert_eq!(hints.due(&asked, second(9_999)), None, "it was read with the others");
        let json = serde_json::to_string(&hints).unwrap();
        assert_eq!(serde_json::from_str::<Hints>(&json).unwrap(), hints);
    }

    #[test]
    fn what_waits_for_hints_only_and_failed_is_tried_again() {
        let (lead, other) = (object("lead"), object("other"));
        let hints = Hints::default().with(&lead, second(0)).unwrap();
        let schedule = Schedule { cadence: cadence("webhook"), objects: BTreeMap::new() };
        let asked = Asked::default().with(&Selection::only(vec![lead.clone(), other]), second(200));
        let again = |schedule: &Schedule, read: &[i64], failed, at| {
            let read = read.iter().map(|at| (lead.clone(), second(*at))).collect();
            hints.failed(schedule, &asked, (&read, failed), second(at))
        };
        let due = Some(Selection::only(vec![lead.clone()]));
        assert_eq!(again(&schedule, &[100], false, 499), None);
        assert_eq!(again(&schedule, &[100], false, 500), due, "and not what nobody hinted at");
        assert_eq!(again(&schedule, &[201], true, 9_999), None, "it was read; another object failed");
        assert_eq!(again(&schedule, &[], true, 500), due);
        assert_eq!(again(&schedule, &[], false, 9_999), None, "the source has no such object");
        let by_clock = Schedule { cadence: cadence("1d"), objects: BTreeMap::new() };
        assert_eq!(again(&by_clock, &[100], true, 9_999), None, "its next slot makes up for it");
    }

    fn cadences() -> impl Strategy<Value = Cadence> {
        prop_oneof![
            Just(Cadence::manual()),
            Just(cadence("webhook")),
            (1_u64..200).prop_map(|minutes| cadence(&format!("{minutes}m"))),
            (0_u64..60).prop_map(|minute| cadence(&format!("{minute} * * * *"))),
        ]
    }

    proptest! {
        #[test]
        fn nothing_ever_panics(text in "\\PC{0,40}") {
            let _ = text.parse::<Cadence>();
        }

        /// Whoever looks however seldom: each object is asked for at most once a slot, and never later than the first look
        /// after its slot.
        #[test]
        fn a_slot_is_served_once_by_the_first_look_after_it(
            rest in cadences(),
            own in prop::collection::vec(cadences(), 0..3),
            looks in prop::collection::vec(1_i64..500, 1..60),
        ) {
            let objects = own.into_iter().enumerate().map(|(n, own)| (object(&format!("o{n}")), own));
            let schedule = Schedule { cadence: rest, objects: objects.collect() };
            let names: Vec<_> = schedule.objects.keys().cloned().chain([object("rest")]).collect();
            let mut asked = Asked::default();
            // What an obvious clock would say: per object, the last time that it was asked for.
            let mut last: BTreeMap<ObjectName, Timestamp> = names.iter().map(|n| (n.clone(), at(0))).collect();
            let mut minute = 0;
            for step in looks {
                minute += step;
                let now = at(minute);
                let due = schedule.due(&asked, at(0), now);
                for name in &names {
                    let cadence = schedule.objects.get(name).unwrap_or(&schedule.cadence);
                    let expected = cadence.next(last[name]).is_some_and(|slot| slot <= now);
                    prop_assert_eq!(due.as_ref().is_some_and(|due| due.takes(name)), expected, "{}", name);
                    if expected {
                        last.insert(name.clone(), now);
                    }
                }
                if let Some(due) = due {
                    asked = asked.with(&due, now);
                    prop_assert!(schedule.next(&asked, at(0)).is_none_or(|next| next > now));
                }
            }
        }

        /// However hints come and whoever looks however seldom: each one is followed by a reading that begins after it, no later
        /// than the first look that comes when hints have been gathered; and a flood makes no more readings than looks, and
        /// none that no hint has asked for.
        #[test]
        fn every_hint_is_followed_by_a_reading_and_a_flood_by_few(
            steps in prop::collection::vec((0_i64..8, prop::bool::weighted(0.6)), 1..200),
        ) {
            let lead = object("lead");
            let (mut hints, mut asked) = (Hints::default(), Asked::default());
            let (mut now, mut readings, mut slots) = (0, 0_usize, 0_usize);
            let mut unserved: Vec<i64> = Vec::new();
            for (pause, is_hint) in steps {
                now += pause;
                if is_hint {
                    unserved.push(now);
                    if let Some(more) = hints.with(&lead, second(now)) {
                        hints = more;
                        // One soon, one again.
                        slots += 2;
                    }
                    continue;
                }
                match hints.due(&asked, second(now)) {
                    Some(due) => {
                        asked = asked.with(&due, second(now));
                        readings += 1;
                        unserved.clear();
                        prop_assert_eq!(hints.due(&asked, second(now)), None, "one reading serves all there is");
                    }
                    None => prop_assert!(unserved.iter().all(|hint| now < hint + 3), "{unserved:?} at {now}"),
                }
            }
            prop_assert!(readings <= slots);
        }
    }
}
