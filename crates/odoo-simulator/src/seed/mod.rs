//! The invented company a simulator starts with: same seed, same day, same data.
//!
//! Nothing here asks a clock or the machine for randomness. Every date is relative to `today`, so that the current
//! quarter always has wins and losses and something is always overdue.

mod agenda;
mod catalogue;
mod customers;
mod events;
mod meetings;
mod names;
mod organisation;
mod pipeline;
mod random;
mod registry;

use jiff::civil::Date;
use jiff::{Timestamp, ToSpan};

use crate::database::{Database, Record};
use crate::value::utc_instant;

use random::Random;

/// What to build.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seed {
    /// Start of the random sequence.
    pub seed: u64,
    /// The day the data ends on.
    pub today: Date,
    /// 1 for the group with two companies, 2 for a company that overlaps with it.
    pub variant: u8,
    /// How many leads and opportunities.
    pub leads: usize,
    /// How many customers, companies and contacts together.
    pub partners: usize,
    /// How many activities.
    pub activities: usize,
}

impl Seed {
    /// The mid-size company of the demo.
    pub fn new(seed: u64, today: Date) -> Self {
        Self { seed, today, variant: 1, leads: 660, partners: 420, activities: 2_200 }
    }

    /// The same people and some of the same customers in another company.
    pub fn second(seed: u64, today: Date) -> Self {
        Self { variant: 2, leads: 240, partners: 180, activities: 700, ..Self::new(seed, today) }
    }

    /// A large data set with three activities per lead.
    pub fn large(seed: u64, today: Date, leads: usize, partners: usize) -> Self {
        Self { leads, partners, activities: leads.saturating_mul(3), ..Self::new(seed, today) }
    }

    /// Builds all rows.
    pub fn build(&self) -> Database {
        let mut builder = Builder {
            database: Database::default(),
            random: Random::new(self.seed ^ (u64::from(self.variant) << 56)),
            seed: self.clone(),
        };
        let organisation = organisation::build(&mut builder);
        catalogue::build(&mut builder, &organisation);
        let customers = customers::build(&mut builder, &organisation);
        pipeline::build(&mut builder, &organisation, &customers);
        agenda::build(&mut builder, &organisation);
        // What came later draws from sequences of its own, so that the rows above stay what they were.
        registry::build(&mut builder);
        events::build(&mut builder);
        meetings::build(&mut builder);
        builder.database
    }
}

/// What the parts of the seed share.
struct Builder {
    database: Database,
    random: Random,
    seed: Seed,
}

impl Builder {
    /// A moment so many days before today, within working hours, with microseconds.
    fn moment(&mut self, days_ago: i64) -> Timestamp {
        let seconds = self.random.between(6 * 3_600, 17 * 3_600);
        self.at(days_ago, seconds)
    }

    /// A moment so many days before today and seconds into that day.
    fn at(&mut self, days_ago: i64, seconds: i64) -> Timestamp {
        let micros = self.random.between(1, 999_999);
        let midnight = utc_instant(self.day(days_ago).at(0, 0, 0, 0)).unwrap_or(Timestamp::UNIX_EPOCH);
        midnight.checked_add(seconds.seconds().microseconds(micros)).unwrap_or(midnight)
    }

    /// Midnight at the start of today.
    fn at_midnight(&self) -> Timestamp {
        utc_instant(self.seed.today.at(0, 0, 0, 0)).unwrap_or(Timestamp::UNIX_EPOCH)
    }

    /// The date so many days before today; negative numbers lie ahead.
    fn day(&self, days_ago: i64) -> Date {
        self.seed.today.saturating_sub(days_ago.days())
    }

    /// Adds a row created and last written at the given moments by the given user.
    fn add(
        &mut self,
        model: &'static str,
        record: Record,
        (created, written): (Timestamp, Timestamp),
        user: i64,
    ) -> i64 {
        self.database.insert(model, stamped(record, (created, written), user))
    }

    /// Adds a row of the installation itself; all of these carry the one stamp of the transaction that installed.
    fn register(&mut self, model: &'static str, record: Record) -> i64 {
        let day = self.day(640).at(8, 0, 0, 123_456_000);
        let at = utc_instant(day).unwrap_or(Timestamp::UNIX_EPOCH);
        self.add(model, record, (at, at), 1)
    }

    /// Adds a row of the installation that was made by hand, at a moment of its own.
    fn install(&mut self, model: &'static str, record: Record) -> i64 {
        let at = self.at(640, 8 * 3_600);
        self.add(model, record, (at, at), 1)
    }
}

fn stamped(record: Record, (created, written): (Timestamp, Timestamp), user: i64) -> Record {
    record
        .with("create_date", created)
        .with("write_date", written)
        .with("create_uid", user)
        .with("write_uid", user)
}
