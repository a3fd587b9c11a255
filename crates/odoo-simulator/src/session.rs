//! Who is calling, with which companies and context, and at what moment: everything a call depends on besides rows.

use std::sync::Arc;

use jiff::Timestamp;
use jiff::civil::Date;

use crate::database::Database;
use crate::fault::Fault;
use crate::schema::Level;
use crate::value::{Value, utc_date};
use crate::wire::Wire;
use crate::withheld::Withheld;

/// Group ids, fixed by the seed.
pub mod group {
    /// Internal user.
    pub const INTERNAL: i64 = 1;
    /// Access rights (shown beside Settings).
    pub const ACCESS_RIGHTS: i64 = 2;
    /// Settings.
    pub const SETTINGS: i64 = 4;
    /// Portal.
    pub const PORTAL: i64 = 10;
    /// Sales: own documents only.
    pub const OWN_DOCUMENTS: i64 = 21;
    /// Sales: all documents.
    pub const ALL_DOCUMENTS: i64 = 22;
    /// Sales: administrator.
    pub const SALES_ADMINISTRATOR: i64 = 23;
}

/// The context of one call.
#[derive(Clone, Debug)]
pub struct Session {
    /// The caller's user id.
    pub uid: i64,
    /// What the caller's groups allow.
    pub level: Level,
    /// Companies whose records are visible; the first one gives defaults.
    pub companies: Vec<i64>,
    /// Whether listings hide archived rows.
    pub active_test: bool,
    /// Which messages changes leave behind.
    pub chatter: Chatter,
    /// Start of the transaction; every row it touches is stamped with it.
    pub started: Timestamp,
    /// What the clock says while the method runs: later than the start in a long transaction.
    pub now: Timestamp,
    /// What a test has taken away.
    pub withheld: Arc<Withheld>,
}

/// The messages a transaction writes about its own changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Chatter {
    /// One for each record that was created.
    pub creation: bool,
    /// One for each record whose tracked fields changed.
    pub tracking: bool,
}

impl Chatter {
    /// What the context leaves of them.
    fn of(context: Option<&Wire>) -> Self {
        let set = |name: &str| context.and_then(|context| context.get(name)).is_some_and(Wire::truthy);
        let disabled = set("tracking_disable");
        Self { creation: !disabled && !set("mail_create_nolog"), tracking: !disabled && !set("mail_notrack") }
    }
}

/// What a call depends on besides its caller and the rows.
#[derive(Clone, Debug)]
pub struct Circumstances {
    /// Start of its transaction.
    pub started: Timestamp,
    /// What the clock says now.
    pub now: Timestamp,
    /// What a test has taken away.
    pub withheld: Arc<Withheld>,
}

impl Session {
    /// The session of a user.
    ///
    /// # Errors
    /// Fault 2 for a user that does not exist, fault 4 for `allowed_company_ids` outside the user's companies.
    pub fn open(
        database: &Database,
        uid: i64,
        context: Option<&Wire>,
        circumstances: Circumstances,
    ) -> Result<Self, Fault> {
        let user = database.row("res.users", uid).ok_or_else(|| Fault::missing("res.users", &[uid], uid))?;
        let own = user.get("company_ids").as_ids();
        let main = user.get("company_id").as_int();
        let mut companies: Vec<i64> =
            main.into_iter().chain(own.iter().copied().filter(|id| Some(*id) != main)).collect();
        if let Some(allowed) =
            context.and_then(|context| context.get("allowed_company_ids")).and_then(Wire::as_array)
        {
            let wanted: Vec<i64> = allowed.iter().filter_map(Wire::as_int).collect();
            if wanted.iter().any(|id| !companies.contains(id)) {
                return Err(Fault::not_allowed("The user does not belong to one of the allowed companies."));
            }
            if !wanted.is_empty() {
                companies = wanted;
            }
        }
        let active_test = context.and_then(|context| context.get("active_test")).is_none_or(Wire::truthy);
        let level = level(user.get("groups_id").as_ids());
        let Circumstances { started, now, withheld } = circumstances;
        let chatter = Chatter::of(context);
        Ok(Self { uid, level, companies, active_test, chatter, started, now, withheld })
    }

    /// The company that gives defaults and the currency of records without a company.
    pub fn company(&self) -> Option<i64> {
        self.companies.first().copied()
    }

    /// Now as a method notes it in a column of its own, such as a closing date: whole seconds.
    pub fn noted(&self) -> Value {
        Value::Instant(Timestamp::from_second(self.now.as_second()).unwrap_or(self.now))
    }

    /// The day deadlines are compared with.
    pub fn today(&self) -> Date {
        utc_date(self.now)
    }
}

/// The highest level a set of groups gives.
pub fn level(groups: &[i64]) -> Level {
    let has = |id: i64| groups.contains(&id);
    if has(group::SETTINGS) {
        Level::Settings
    } else if has(group::SALES_ADMINISTRATOR) {
        Level::SalesAdministrator
    } else if has(group::ALL_DOCUMENTS) {
        Level::AllDocuments
    } else if has(group::OWN_DOCUMENTS) {
        Level::OwnDocuments
    } else if has(group::INTERNAL) {
        Level::Internal
    } else {
        Level::Portal
    }
}

/// The groups that make up a level, lower ones included.
pub fn groups(level: Level) -> Vec<i64> {
    if level == Level::Portal {
        return vec![group::PORTAL];
    }
    let steps = [
        (Level::Internal, group::INTERNAL),
        (Level::OwnDocuments, group::OWN_DOCUMENTS),
        (Level::AllDocuments, group::ALL_DOCUMENTS),
        (Level::SalesAdministrator, group::SALES_ADMINISTRATOR),
        (Level::Settings, group::ACCESS_RIGHTS),
        (Level::Settings, group::SETTINGS),
    ];
    steps.into_iter().filter(|(least, _)| *least <= level).map(|(_, id)| id).collect()
}
