//! A mapping's program: compiled once, run on each record.

use std::cell::Cell;

use jaq_core::load::parse::Def;
use jaq_core::load::{Arena, File, Lexer, Loader, Parser, parse, span};
use jaq_core::{Compiler, Ctx, Filter, Vars};
use jaq_json::Val;
use salescommand_domain::canonical::Rejection;
use salescommand_domain::raw::{Envelope, Payload};
use serde_json::{Value, json};

use super::meter::{Metered, Run, STEPS};
use super::rewrite::{Refused, Rewrite};
use super::{natives, value};

/// Longest program, in bytes.
const LONGEST: usize = 64 * 1024;
/// Stack of the thread that compiles: a parser goes as deep as its text is nested.
const STACK: usize = 64 << 20;
/// Characters of a program's own error message that are kept.
const LONGEST_MESSAGE: usize = 160;
/// Name of the definition that a program becomes. No program can spell it in full.
const MAIN: &str = "mapping__of__this__instance";

/// Why a text is no mapping.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MappingError {
    /// Not in the language.
    #[error("line {line}, column {column}: not a jq program: {problem}")]
    Syntax {
        /// Line, from 1.
        line: usize,
        /// Column, from 1, in characters.
        column: usize,
        /// What is wrong there.
        problem: String,
    },
    /// A definition calls itself.
    #[error("{0} calls itself: a mapping must end on every record, so recursion is not there")]
    Recursion(String),
    /// A function or variable that is not there.
    #[error("there is no {0} for a mapping; see docs/reference/mappings.md for what there is")]
    Unknown(String),
    /// Too long, or nested too deep.
    #[error("the program is too large: at most {LONGEST} bytes, and nested at most 200 deep")]
    TooLarge,
}

/// A compiled program.
pub(super) struct Program {
    filter: Filter<Metered>,
}

impl Program {
    /// Compiles a program.
    pub fn compile(program: &str) -> Result<Self, MappingError> {
        if program.len() > LONGEST {
            return Err(MappingError::TooLarge);
        }
        std::thread::scope(|scope| {
            let compiling = std::thread::Builder::new().stack_size(STACK);
            let compiling = compiling.spawn_scoped(scope, || compile(program));
            let compiled = compiling.map_err(|_| MappingError::TooLarge)?.join();
            compiled.unwrap_or(Err(MappingError::TooLarge))
        })
        .map(|filter| Self { filter })
    }

    /// Runs it on one record; gives what it says, none if it says nothing.
    pub fn run(&self, envelope: &Envelope) -> Result<Option<Value>, Rejection> {
        let deep =
            || Rejection::new("mapping_limit", "/payload", "the payload is nested too deep to be mapped");
        let input = value::of_json(&input(envelope)).ok_or_else(deep)?;
        let left = Cell::new(STEPS);
        let run = Run { lut: &self.filter.lut, left: &left };
        let mut said = self.filter.id.run((Ctx::<Metered>::new(run, Vars::new([])), input));
        let first = said.next().transpose().map_err(rejection)?;
        if first.is_some() && said.next().transpose().map_err(rejection)?.is_some() {
            let detail = "the mapping says two things about one record; make it one, or null";
            return Err(Rejection::new("mapping_failed", "", detail));
        }
        let Some(said) = first.filter(|said| !matches!(said, Val::Null)) else { return Ok(None) };
        run.weigh(&said).map_err(rejection)?;
        let not_json =
            |value::NotJson(what)| Rejection::new("wrong_type", "", format!("the mapping says {what}"));
        value::to_json(&said).map(Some).map_err(not_json)
    }
}

/// What a program is given.
fn input(envelope: &Envelope) -> Value {
    let payload = match &envelope.payload {
        Payload::Inline(payload) => payload.clone(),
        Payload::Stored(_) => Value::Null,
    };
    json!({
        "instance": envelope.instance, "object": envelope.object, "key": envelope.key,
        "payload_schema": envelope.payload_schema, "source_modified": envelope.source_modified,
        "observed": envelope.observed, "payload": payload,
    })
}

fn rejection(ended: jaq_core::Exn<'_, Val>) -> Rejection {
    match ended.get_err() {
        Ok(error) => {
            let message: String = error.to_string().chars().take(LONGEST_MESSAGE).collect();
            Rejection::new("mapping_failed", "", message)
        }
        // Only the meter halts a program.
        Err(_) => Rejection::new("mapping_limit", "", format!("the mapping takes more than {STEPS} steps")),
    }
}

fn compile(program: &str) -> Result<Filter<Metered>, MappingError> {
    let tokens = Lexer::new(program).lex().map_err(|errors| {
        let at = errors.first().map_or("", |(_, rest)| rest);
        syntax(program, at, "a word or a bracket is not finished, or a character has no meaning")
    })?;
    let term = Parser::new(&tokens).parse(Parser::term).map_err(|errors| {
        let (expected, found) =
            errors.first().map_or(("", None), |(expected, found)| (expected.as_str(), *found));
        let at = found.map_or(&program[program.len()..], |found| found.0);
        syntax(program, at, &format!("expected {expected}"))
    })?;
    let functions = natives::all();
    let library = parse(include_str!("prelude.jq"), |parser| parser.defs()).unwrap_or_default();
    let mut defined: Vec<(&str, usize)> =
        functions.iter().map(|(name, arguments, _)| (*name, arguments.len())).collect();
    let mut prelude = Vec::with_capacity(library.len() + 1);
    for def in library {
        let signature = (def.name, def.args.len());
        prelude
            .push(Rewrite::new(&|name, arity| defined.contains(&(name, arity))).def(def).map_err(refused)?);
        defined.push(signature);
    }
    let is_known = |name: &str, arity| natives::is_open(name) && defined.contains(&(name, arity));
    let body = Rewrite::new(&is_known).term(term).map_err(refused)?;
    prelude.push(Def { name: MAIN, args: Vec::new(), body });
    let arena = Arena::default();
    let modules = Loader::new(prelude)
        .load(&arena, File { code: MAIN, path: () })
        .map_err(|_| MappingError::Unknown("program".to_owned()))?;
    Compiler::default().with_funs(functions).compile(modules).map_err(|errors| {
        let undefined = errors.into_iter().flat_map(|(_, errors)| errors).next();
        let undefined =
            undefined.map_or_else(String::new, |(name, what)| format!("{} {name}", what.as_str()));
        MappingError::Unknown(undefined)
    })
}

fn refused(refused: Refused) -> MappingError {
    match refused {
        Refused::Recursion(name) => MappingError::Recursion(name),
        Refused::Function(name) => MappingError::Unknown(format!("function {name}")),
        Refused::Deep => MappingError::TooLarge,
    }
}

fn syntax(program: &str, at: &str, problem: &str) -> MappingError {
    let start = span(program, at).start.min(program.len());
    let before = program.get(..start).unwrap_or(program);
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().map_or(0, |line| line.chars().count()) + 1;
    MappingError::Syntax { line, column, problem: problem.to_owned() }
}
