//! The header and the claims of a token, its times in words, and the certificates that it brings along.

use jwksmith_jose::danger::{UnverifiedToken, decode_unverified};
use jwksmith_jose::{Token, UnixTime, describe};

use super::Shown;
use super::certificate::{self, Found};
use crate::claims::ShownClaims;
use crate::facts::{Fact, lines};
use crate::input::Given;
use crate::json;
use crate::style::{self, paint};
use crate::verdict::Refused;

/// The first line of every text: nobody shall take what follows for the truth.
const NOT_VERIFIED: &str =
    "NOT VERIFIED: anybody can write such a token. Use `jwksmith verify` to learn whether it is valid.";

pub(super) fn shown(given: Given, now: UnixTime) -> Result<Shown, Refused> {
    let token = given?;
    let texts = decode_unverified(&token).map_err(|refusal| Refused::by(&refusal))?;
    let certificates = describe::certificates(&texts.header);
    Ok(Shown {
        text: text(&texts, &certificates, now),
        json: json(&texts, &certificates, now),
        warning: warning(&token),
    })
}

fn text(token: &UnverifiedToken, certificates: &[Found], now: UnixTime) -> String {
    let heading = |text: &str| paint(style::HEADING, text);
    let mut parts = vec![
        paint(style::DOUBTFUL, NOT_VERIFIED),
        format!("{}\n{}", heading("header"), json::coloured(&token.header)),
        format!("{}\n{}", heading("claims"), json::coloured(&token.claims)),
    ];
    let times = times(token, now);
    if !times.is_empty() {
        parts.push(format!("{}\n{}", heading("times"), lines(&times)));
    }
    if !certificates.is_empty() {
        parts.push(certificate::text(certificates, now));
    }
    parts.join("\n\n")
}

fn times(token: &UnverifiedToken, now: UnixTime) -> Vec<Fact> {
    let times = ShownClaims::read(&token.claims).times();
    let is_past = |time: &UnixTime| *time <= now;
    let fact = |(label, time): (&'static str, UnixTime)| {
        let fact = Fact::time(label, time, now);
        match label {
            "expires" => fact.marked(is_past(&time), "expired"),
            "not before" => fact.marked(!is_past(&time), "not yet valid"),
            _ => fact.marked(!is_past(&time), "still to come"),
        }
    };
    times.into_iter().map(fact).collect()
}

fn json(token: &UnverifiedToken, certificates: &[Found], now: UnixTime) -> String {
    let (header, claims) = (json::compact(&token.header), json::compact(&token.claims));
    let certificates = match certificates {
        [] => String::new(),
        found => format!(r#","certificates":{}"#, crate::verdict::object(&certificate::wire(found, now))),
    };
    format!(r#"{{"verified":false,"header":{header},"claims":{claims}{certificates}}}"#)
}

/// Says so if the token is one that no issuer, key or policy could make acceptable.
fn warning(token: &str) -> Option<String> {
    let refusal = Token::parse(token).err()?;
    Some(format!("warning: `jwksmith verify` refuses this token: {refusal} ({})", refusal.code()))
}
