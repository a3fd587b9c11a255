//! From a mapping's words to a facet: references become ids, keys are derived, defaults are filled in.

use std::collections::BTreeSet;

use rust_decimal::{Decimal, RoundingStrategy};
use salescommand_domain::canonical::{
    self, CalendarFacet, CompanyFacet, CurrencyFacet, CurrencySource, Entity, FacetBody, FacetId,
    IdentityKey, Label, LabelFacet, Labels, Mapped, OpportunityFacet, OpportunityKind, OutcomeRule,
    RecurringAmount, Rejection, SourceRef, StageFacet, TermSource,
};
use salescommand_domain::money::{CurrencyCode, decimal_of_f64};
use salescommand_domain::raw::{Envelope, InstanceName};

use super::words::{
    About, Account, Activity, ActivityState, ActivityType, Amount, Company, Contact, Currency, CurrencyWord,
    Key, LabelRecord, LabelWord, Opportunity, OpportunityType, Recurring, Ref, Stage, Status, Team, User,
    Words,
};

/// Most digits after a decimal point.
const MOST_DIGITS: u8 = 8;

impl Words {
    /// The facet that the words make of a raw event.
    pub(super) fn into_mapped(self, envelope: &Envelope) -> Result<Mapped, Rejection> {
        let at = At(&envelope.instance);
        match self {
            Self::Account(account) => at.account(account),
            Self::Contact(contact) => at.contact(contact),
            Self::Opportunity(opportunity) => at.opportunity(*opportunity),
            Self::Activity(activity) => at.activity(activity),
            Self::User(user) => user_facet(user),
            Self::Team(team) => at.team(team),
            Self::Stage(stage) => stage_facet(stage),
            Self::Label(label) => label_facet(label),
            Self::Company(company) => at.company(company),
            Self::Currency(currency) => currency_facet(&currency),
        }
    }
}

/// The instance within which references are meant.
struct At<'a>(&'a InstanceName);

impl At<'_> {
    fn facet(&self, to: Ref) -> FacetId {
        SourceRef { instance: self.0.clone(), object: to.object, key: to.key }.facet_id()
    }

    fn facet_of(&self, to: Option<Ref>) -> Option<FacetId> {
        to.map(|to| self.facet(to))
    }

    fn account(&self, said: Account) -> Result<Mapped, Rejection> {
        let name = name(said.name, "/name")?;
        let keys = said.keys.map(|keys| chosen(Entity::Account, keys)).unwrap_or_else(|| {
            let tax_id =
                said.tax_id.as_deref().and_then(|number| IdentityKey::tax_id(Entity::Account, number));
            let site = said.website.as_deref();
            let site = site.and_then(|site| IdentityKey::domain_and_name(Entity::Account, site, &name));
            [tax_id, site].into_iter().flatten().collect()
        });
        let body = FacetBody::Account(canonical::Account {
            name,
            tax_id: said.tax_id,
            website: said.website,
            email: said.email,
            phone: said.phone,
            parent: self.facet_of(said.parent),
            owner: self.facet_of(said.owner),
            company: self.facet_of(said.company),
            active: said.active.unwrap_or(true),
            created_at: said.created_at,
            custom: said.custom.unwrap_or_default(),
        });
        Ok(Mapped { body, keys, refs: Vec::new() })
    }

    fn contact(&self, said: Contact) -> Result<Mapped, Rejection> {
        let keys = said.keys.map(|keys| chosen(Entity::Contact, keys));
        let keys = keys.unwrap_or_else(|| by_email(Entity::Contact, said.email.as_deref()));
        let body = FacetBody::Contact(canonical::Contact {
            name: name(said.name, "/name")?,
            title: said.title,
            email: said.email,
            phone: said.phone,
            account: self.facet_of(said.account),
            owner: self.facet_of(said.owner),
            company: self.facet_of(said.company),
            active: said.active.unwrap_or(true),
            created_at: said.created_at,
            custom: said.custom.unwrap_or_default(),
        });
        Ok(Mapped { body, keys, refs: Vec::new() })
    }

    fn opportunity(&self, said: Opportunity) -> Result<Mapped, Rejection> {
        let (stage, company) = (self.facet_of(said.stage), self.facet_of(said.company));
        let partner = self.facet_of(said.customer);
        let amount = said.amount.map(|amount| self.amount(amount, company, "/amount")).transpose()?;
        let recurring = said.recurring.map(|recurring| self.recurring(recurring, company)).transpose()?;
        let record_of = |amount: Option<canonical::Amount>| match amount.and_then(|amount| amount.currency) {
            Some(CurrencySource::Currency(record)) => Some(record),
            _ => None,
        };
        let currencies = [amount, recurring.map(|recurring| recurring.amount)].map(record_of);
        let calendar = CalendarFacet::source().facet_id();
        let refs: BTreeSet<FacetId> =
            [stage, company, partner, Some(calendar)].into_iter().chain(currencies).flatten().collect();
        let labels = Labels {
            lost_reason: self.label(said.lost_reason, "/lost_reason")?,
            source: self.label(said.source, "/source")?,
            medium: self.label(said.medium, "/medium")?,
            campaign: self.label(said.campaign, "/campaign")?,
            tags: self.tags(said.tags.unwrap_or_default())?,
        };
        let body = FacetBody::Opportunity(OpportunityFacet {
            opportunity_kind: match said.kind {
                None | Some(OpportunityType::Opportunity) => OpportunityKind::Opportunity,
                Some(OpportunityType::Lead) => OpportunityKind::Lead,
            },
            name: name(said.name, "/name")?,
            partner,
            stage,
            outcome: outcome(said.status),
            amount,
            probability_ppm: said.probability.map(parts_per_million).transpose()?,
            owner: self.facet_of(said.owner),
            team: self.facet_of(said.team),
            company,
            close_date: said.close_date,
            created_at: said.created_at,
            closed_at: said.closed_at,
            staged_at: None,
            assigned_at: None,
            tracked: None,
            recurring,
            labels,
            custom: said.custom.unwrap_or_default(),
        });
        Ok(Mapped { body, keys: Vec::new(), refs: refs.into_iter().collect() })
    }

    fn amount(
        &self,
        said: Amount,
        company: Option<FacetId>,
        path: &str,
    ) -> Result<canonical::Amount, Rejection> {
        let currency = match said.currency {
            Some(CurrencyWord::Code(code)) => {
                let code = currency_code(&code, &format!("{path}/currency"))?;
                Some(CurrencySource::Iso(code, digits(&code)))
            }
            Some(CurrencyWord::Record(record)) => Some(CurrencySource::Currency(self.facet(record))),
            None => company.map(CurrencySource::Company),
        };
        Ok(canonical::Amount { value: said.value, currency })
    }

    fn recurring(&self, said: Recurring, company: Option<FacetId>) -> Result<RecurringAmount, Rejection> {
        if said.months == Some(0) {
            return Err(Rejection::new("out_of_range", "/recurring/months", "expected at least 1, found 0"));
        }
        let amount = Amount { value: said.value, currency: said.currency };
        let amount = self.amount(amount, company, "/recurring")?;
        Ok(RecurringAmount { amount, term: said.months.map(TermSource::Months) })
    }

    fn label(&self, said: Option<LabelWord>, path: &str) -> Result<Option<Label>, Rejection> {
        Ok(match said {
            None => None,
            Some(LabelWord::Name(said)) => Some(Label::Name(name(said, path)?)),
            Some(LabelWord::Record(record)) => Some(Label::Record(self.facet(record))),
        })
    }

    /// Each once, where it is said first.
    fn tags(&self, said: Vec<LabelWord>) -> Result<Vec<Label>, Rejection> {
        let mut tags = Vec::new();
        for (index, word) in said.into_iter().enumerate() {
            let tag = self.label(Some(word), &format!("/tags/{index}"))?;
            tags.extend(tag.filter(|tag| !tags.contains(tag)));
        }
        Ok(tags)
    }

    fn activity(&self, said: Activity) -> Result<Mapped, Rejection> {
        let related = said.related.map(|related| canonical::Related {
            entity: match related.kind {
                About::Account => Entity::Account,
                About::Contact => Entity::Contact,
                About::Opportunity => Entity::Opportunity,
            },
            id: self.facet(Ref { object: related.object, key: related.key }),
        });
        plain(FacetBody::Activity(canonical::Activity {
            activity_kind: activity_kind(said.kind.unwrap_or(ActivityType::Other)),
            subject: said.subject,
            state: match said.state {
                None | Some(ActivityState::Open) => canonical::ActivityState::Open,
                Some(ActivityState::Done) => canonical::ActivityState::Done,
                Some(ActivityState::Cancelled) => canonical::ActivityState::Cancelled,
            },
            due: said.due,
            done_on: said.done_on,
            done_at: None,
            starts_at: None,
            ends_at: None,
            owner: self.facet_of(said.owner),
            related,
            participants: Vec::new(),
            created_at: said.created_at,
        }))
    }

    fn team(&self, said: Team) -> Result<Mapped, Rejection> {
        let members: BTreeSet<FacetId> =
            said.members.unwrap_or_default().into_iter().map(|member| self.facet(member)).collect();
        plain(FacetBody::Team(canonical::Team {
            name: name(said.name, "/name")?,
            leader: self.facet_of(said.leader),
            members: members.into_iter().collect(),
            company: self.facet_of(said.company),
            active: said.active.unwrap_or(true),
        }))
    }

    fn company(&self, said: Company) -> Result<Mapped, Rejection> {
        let currency = self.facet_of(said.currency);
        let body = FacetBody::Company(CompanyFacet { name: name(said.name, "/name")?, currency });
        Ok(Mapped { body, keys: Vec::new(), refs: currency.into_iter().collect() })
    }
}

fn user_facet(said: User) -> Result<Mapped, Rejection> {
    let keys = said.keys.map(|keys| chosen(Entity::User, keys));
    let keys = keys.unwrap_or_else(|| by_email(Entity::User, said.email.as_deref()));
    let body = FacetBody::User(canonical::User {
        name: name(said.name, "/name")?,
        email: said.email,
        active: said.active.unwrap_or(true),
        manager: None,
        directory: false,
        directory_accounts: Vec::new(),
    });
    Ok(Mapped { body, keys, refs: Vec::new() })
}

fn stage_facet(said: Stage) -> Result<Mapped, Rejection> {
    plain(FacetBody::Stage(StageFacet {
        name: name(said.name, "/name")?,
        order: said.order.unwrap_or_default(),
        is_won: said.is_won.unwrap_or(false),
    }))
}

fn label_facet(said: LabelRecord) -> Result<Mapped, Rejection> {
    let (name, active) = (name(said.name, "/name")?, said.active.unwrap_or(true));
    plain(FacetBody::Label(LabelFacet { name, active }))
}

fn currency_facet(said: &Currency) -> Result<Mapped, Rejection> {
    let code = currency_code(&said.code, "/code")?;
    let exponent = said.exponent.unwrap_or_else(|| digits(&code));
    if exponent > MOST_DIGITS {
        return Err(Rejection::new(
            "out_of_range",
            "/exponent",
            format!("expected 0 to {MOST_DIGITS}, found {exponent}"),
        ));
    }
    plain(FacetBody::Currency(CurrencyFacet { code, exponent }))
}

/// A facet that joins with no other and depends on none.
fn plain(body: FacetBody) -> Result<Mapped, Rejection> {
    Ok(Mapped { body, keys: Vec::new(), refs: Vec::new() })
}

fn name(name: String, path: &str) -> Result<String, Rejection> {
    if name.trim().is_empty() {
        return Err(Rejection::new("missing_field", path, "is empty"));
    }
    Ok(name)
}

fn by_email(entity: Entity, email: Option<&str>) -> Vec<IdentityKey> {
    email.and_then(|address| IdentityKey::email(entity, address)).into_iter().collect()
}

/// The keys that a mapping has chosen; what is no key (a role mailbox, a number of zeroes) joins nothing.
fn chosen(entity: Entity, keys: Vec<Key>) -> Vec<IdentityKey> {
    let key = |key| match key {
        Key::Email(address) => IdentityKey::email(entity, &address),
        Key::TaxId(number) => IdentityKey::tax_id(entity, &number),
        Key::Domain { website, name } => IdentityKey::domain_and_name(entity, &website, &name),
    };
    keys.into_iter().filter_map(key).collect()
}

/// What the source says outright does not depend on a stage.
fn outcome(status: Option<Status>) -> OutcomeRule {
    let status = status.map(|status| match status {
        Status::Open => canonical::Status::Open,
        Status::Won => canonical::Status::Won,
        Status::Lost => canonical::Status::Lost,
        Status::Archived => canonical::Status::Archived,
    });
    OutcomeRule {
        in_won_stage: status.unwrap_or(canonical::Status::Won),
        elsewhere: status.unwrap_or(canonical::Status::Open),
        ambiguous_in_won_stage: false,
    }
}

fn activity_kind(kind: ActivityType) -> canonical::ActivityKind {
    match kind {
        ActivityType::Call => canonical::ActivityKind::Call,
        ActivityType::Email => canonical::ActivityKind::Email,
        ActivityType::Meeting => canonical::ActivityKind::Meeting,
        ActivityType::Task => canonical::ActivityKind::Task,
        ActivityType::Note => canonical::ActivityKind::Note,
        ActivityType::Other => canonical::ActivityKind::Other,
    }
}

fn parts_per_million(probability: f64) -> Result<u32, Rejection> {
    let parts = decimal_of_f64(probability)
        .ok()
        .and_then(|share| share.checked_mul(Decimal::from(1_000_000)))
        .map(|parts| parts.round_dp_with_strategy(0, RoundingStrategy::MidpointNearestEven))
        .and_then(|parts| u32::try_from(parts).ok())
        .filter(|parts| *parts <= 1_000_000);
    parts.ok_or_else(|| {
        Rejection::new("out_of_range", "/probability", format!("expected 0 to 1, found {probability}"))
    })
}

fn currency_code(code: &str, path: &str) -> Result<CurrencyCode, Rejection> {
    CurrencyCode::new(code).map_err(|error| Rejection::new("out_of_range", path, error.to_string()))
}

/// Digits after the decimal point, after ISO 4217.
fn digits(code: &CurrencyCode) -> u8 {
    match code.to_string().as_str() {
        "BIF" | "CLP" | "DJF" | "GNF" | "ISK" | "JPY" | "KMF" | "KRW" | "PYG" | "RWF" | "UGX" | "UYI"
        | "VND" | "VUV" | "XAF" | "XOF" | "XPF" => 0,
        "BHD" | "IQD" | "JOD" | "KWD" | "LYD" | "OMR" | "TND" => 3,
        "CLF" | "UYW" => 4,
        _ => 2,
    }
}
