//! The recipes of `cases.toml`: read, and made into tokens, key sets and answers. The language is explained there.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use aws_lc_rs::{digest, hmac};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jwksmith_jose::{
    AccessClaims, Algorithm, KeySet, KeySetError, Policy, PolicyError, Profile, Refusal, UnixTime,
    base64url_encode, explain, preflight, verify,
};
use serde::Deserialize;

use crate::common::{
    AUDIENCE, CLAIMS, ED25519, HEADER, ISSUER, NOW, P256, P256_ORDER, P384, P521, RSA_A, RSA_B, TestKey,
    certificate, der_signature, hex, key_set, member, past_the_order, public_forms, with,
};

/// What a case expects whose token is good.
pub(crate) const ACCEPTED: &str = "accepted";

/// One attack: a row of the list that people know it by.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Attack {
    pub(crate) id: String,
    pub(crate) about: String,
    #[serde(default)]
    pub(crate) cases: Vec<Case>,
    /// Tests of other files that show it, as `FILE::FUNCTION`
    #[serde(default)]
    pub(crate) elsewhere: Vec<String>,
    /// What is not shown yet, and which issue is to do it
    pub(crate) open: Option<String>,
}

/// One input and the code that must answer it.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Case {
    what: Option<String>,
    /// Makes one case of each of these texts, which stand for `$EACH`.
    #[serde(default)]
    each: Vec<String>,
    #[serde(default)]
    header: Json,
    #[serde(default)]
    claims: Json,
    #[serde(default = "rsa_a")]
    sign: String,
    #[serde(default = "as_signed")]
    signature: String,
    #[serde(default = "compact")]
    token: String,
    jwk: Option<Json>,
    keys: Option<String>,
    #[serde(default)]
    local: bool,
    allow: Option<Vec<String>>,
    issuer: Option<String>,
    template: Option<String>,
    tenants: Option<Vec<String>>,
    audience: Option<String>,
    typ: Option<String>,
    profile: Option<String>,
    #[serde(default)]
    demand: BTreeMap<String, String>,
    nonce: Option<String>,
    leeway: Option<u64>,
    now: Option<u64>,
    pub(crate) expect: String,
    /// What it answers as long as a known fault stands
    pub(crate) today: Option<String>,
}

/// A JSON text: whole, or the good one with members changed.
#[derive(Clone, Deserialize)]
#[serde(untagged)]
enum Json {
    Text(String),
    Changes(BTreeMap<String, String>),
}

impl Default for Json {
    fn default() -> Self {
        Self::Changes(BTreeMap::new())
    }
}

fn rsa_a() -> String {
    "rsa-a".to_owned()
}

fn as_signed() -> String {
    "SIG".to_owned()
}

fn compact() -> String {
    "{H}.{P}.{S}".to_owned()
}

/// What came of a case.
pub(crate) struct Answer {
    pub(crate) code: String,
    pub(crate) message: String,
    pub(crate) token: String,
}

/// Reads the file, each case repeated for each of its texts.
pub(crate) fn read(toml: &str) -> Vec<Attack> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct File {
        attack: Vec<Attack>,
    }
    let mut attacks = toml::from_str::<File>(toml).unwrap().attack;
    for attack in &mut attacks {
        attack.cases = attack.cases.iter().flat_map(Case::repeated).collect();
    }
    attacks
}

impl Case {
    fn repeated(&self) -> Vec<Self> {
        if self.each.is_empty() {
            return vec![self.clone()];
        }
        self.each.iter().map(|each| self.filled(each)).collect()
    }

    fn filled(&self, each: &str) -> Self {
        let fill = |text: &String| text.replace("$EACH", each);
        Self {
            what: Some(format!("{} {each}", self.what.as_deref().unwrap_or_default())),
            header: self.header.map(fill),
            claims: self.claims.map(fill),
            sign: fill(&self.sign),
            signature: fill(&self.signature),
            token: fill(&self.token),
            jwk: self.jwk.as_ref().map(|jwk| jwk.map(fill)),
            keys: self.keys.as_ref().map(fill),
            issuer: self.issuer.as_ref().map(fill),
            profile: self.profile.as_ref().map(fill),
            allow: self.allow.as_ref().map(|names| names.iter().map(fill).collect()),
            ..self.clone()
        }
    }

    /// The case in a few words.
    pub(crate) fn told(&self) -> String {
        self.what.clone().unwrap_or_else(|| format!("sign {}, token {:.40}", self.sign, self.token))
    }

    pub(crate) fn answer(&self) -> Answer {
        let token = self.token();
        let (code, message) = self.judged(&token).err().unwrap_or((ACCEPTED, String::new()));
        Answer { code: code.to_owned(), message, token }
    }

    fn judged(&self, token: &str) -> Result<(), (&'static str, String)> {
        let policy = self.policy().map_err(|error| (error.code(), error.to_string()))?;
        let keys = self.key_set().map_err(|error| (error.code(), error.to_string()))?;
        let now = UnixTime::from_seconds(self.now.unwrap_or(NOW));
        let answer = verify::<AccessClaims>(token, &keys, &policy, now).map(drop);
        self.agree_with(answer.as_ref().err(), token, &keys, &policy, now);
        if let Some(skipped) = self.jwk.as_ref().and_then(|_| keys.skipped().first()) {
            assert!(answer.is_err(), "{}: a skipped key verifies", self.told());
            return Err((skipped.reason.code(), skipped.reason.to_string()));
        }
        answer.map_err(|refusal| (refusal.code(), refusal.to_string()))
    }

    /// Every way in gives the same answer: again, when the header may be remembered; explained; without the keys.
    fn agree_with(
        &self,
        refusal: Option<&Refusal>,
        token: &str,
        keys: &KeySet,
        policy: &Policy,
        now: UnixTime,
    ) {
        let again = verify::<AccessClaims>(token, keys, policy, now).err();
        assert_eq!(again.as_ref(), refusal, "{}: the second time", self.told());
        // Only a reader knows what shape it wants of the claims.
        let refusal = refusal.filter(|refusal| refusal.code() != "claims_shape");
        assert_eq!(explain(token, keys, policy, now).refusal(), refusal, "{}: explained", self.told());
        let hopeless = preflight(token, policy, now).is_err();
        assert!(refusal.is_some() || !hopeless, "{}: refused without its key", self.told());
    }

    fn policy(&self) -> Result<Policy, PolicyError> {
        let issuer = self.issuer.as_deref().unwrap_or(ISSUER);
        let audience = self.audience.as_deref().unwrap_or(AUDIENCE);
        let algorithms: Vec<Algorithm> = match &self.allow {
            Some(names) => names.iter().map(|name| Algorithm::from_name(name).unwrap()).collect(),
            None => Algorithm::asymmetric().collect(),
        };
        let mut policy = Policy::new(issuer, audience, algorithms)?;
        if let Some(name) = &self.profile {
            policy = policy.profile(profile(name))?;
        }
        policy = policy.leeway(self.leeway.unwrap_or(0))?;
        if let Some(claim) = &self.template {
            policy = policy.issuer_template(claim)?;
        }
        if let Some(tenants) = &self.tenants {
            policy = policy.tenants(tenants)?;
        }
        if let Some(typ) = &self.typ {
            policy = policy.token_type(typ)?;
        }
        if let Some(nonce) = &self.nonce {
            policy = policy.nonce(nonce)?;
        }
        self.demand.iter().try_fold(policy, |policy, (name, value)| policy.claim(name, value))
    }

    fn key_set(&self) -> Result<KeySet, KeySetError> {
        let named =
            self.jwk.as_ref().map_or_else(|| self.named_key_set(), |jwk| self.set_of(jwk).into_bytes());
        if self.local { KeySet::parse_local(&named) } else { KeySet::parse(&named) }
    }

    /// The key of the case beside a good one, which it must not spoil.
    fn set_of(&self, jwk: &Json) -> String {
        let own = signer(&self.sign).map_or_else(|| RSA_A.jwk(), TestKey::jwk);
        let set = key_set(&[utf8(jwk.text(&own)), RSA_B.jwk()]);
        let usable = KeySet::parse(set.as_bytes()).unwrap();
        assert!(usable.keys().iter().any(|key| key.key_id() == Some("rsa-b")), "{}", self.told());
        set
    }

    fn named_key_set(&self) -> Vec<u8> {
        match self.keys.as_deref() {
            None => key_set(&KEYS.each_ref().map(|key| key.jwk())).into_bytes(),
            Some("any") => key_set(&[RSA_A.jwk_with(&[("alg", "")])]).into_bytes(),
            Some("secret") => key_set(&[RSA_A.jwk(), secret()]).into_bytes(),
            Some(text) => expanded(text),
        }
    }

    fn token(&self) -> String {
        let header = base64url_encode(self.header.text(&self.good_header()));
        let claims = base64url_encode(self.claims.text(CLAIMS));
        let input = format!("{header}.{claims}");
        let right = signed(&self.sign, &input);
        let signature = base64url_encode(signature(&self.signature, &right, &input));
        let token = self.token.replace("{H}", &header).replace("{P}", &claims).replace("{S}", &signature);
        utf8(expanded(&token))
    }

    /// The header that an honest signer would have written.
    fn good_header(&self) -> String {
        let (algorithm, key_id) = match (self.sign.split_once(" as "), signer(&self.sign)) {
            (Some((_, algorithm)), Some(key)) => (algorithm, key.key_id),
            (None, Some(key)) => (key.algorithm.name(), key.key_id),
            (_, None) if self.local => (hmac_parts(&self.sign).0, "secret"),
            (_, None) => (hmac_parts(&self.sign).0, "rsa-a"),
        };
        with(HEADER, &[("alg", &format!("{algorithm:?}")), ("kid", &format!("{key_id:?}"))])
    }
}

impl Json {
    fn map(&self, change: impl Fn(&String) -> String) -> Self {
        match self {
            Self::Text(text) => Self::Text(change(text)),
            Self::Changes(changes) => {
                Self::Changes(changes.iter().map(|(name, raw)| (change(name), change(raw))).collect())
            }
        }
    }

    fn text(&self, good: &str) -> Vec<u8> {
        match self {
            Self::Text(text) => expanded(text),
            Self::Changes(changes) => {
                let changes: Vec<(&str, &str)> =
                    changes.iter().map(|(name, raw)| (name.as_str(), raw.as_str())).collect();
                expanded(&with(good, &changes))
            }
        }
    }
}

static KEYS: [&LazyLock<TestKey>; 6] = [&RSA_A, &RSA_B, &P256, &P384, &P521, &ED25519];

/// A shared secret as the operator's own file has it.
fn secret() -> String {
    format!(r#"{{"kty":"oct","kid":"secret","alg":"HS256","k":"{}"}}"#, base64url_encode([7; 32]))
}

/// The kind of token of this name, as Rust spells it.
fn profile(name: &str) -> Profile {
    Profile::all().find(|profile| format!("{profile:?}") == name).unwrap()
}

/// The key that a `sign` names, if it names one.
fn signer(sign: &str) -> Option<&'static TestKey> {
    let name = sign.split(' ').next().unwrap();
    KEYS.iter().map(|key| &***key).find(|key| key.key_id == name)
}

/// The algorithm and the form of the secret in `HS256 with FORM`.
fn hmac_parts(sign: &str) -> (&str, &str) {
    sign.split_once(" with ").unwrap_or_else(|| panic!("no signer: {sign}"))
}

fn signed(sign: &str, input: &str) -> Vec<u8> {
    let Some(key) = signer(sign) else { return hmac_tag(sign, input) };
    match sign.split_once(" as ") {
        Some((_, name)) if name != key.algorithm.name() => {
            let algorithm = Algorithm::from_name(name).unwrap();
            key.signing_with(algorithm).sign(input.as_bytes()).unwrap()
        }
        _ => key.signing.sign(input.as_bytes()).unwrap(),
    }
}

fn hmac_tag(sign: &str, input: &str) -> Vec<u8> {
    let (name, form) = hmac_parts(sign);
    let hash = match name {
        "HS256" => hmac::HMAC_SHA256,
        "HS384" => hmac::HMAC_SHA384,
        _ => hmac::HMAC_SHA512,
    };
    let tag = hmac::sign(&hmac::Key::new(hash, &shared_secret(form)), input.as_bytes());
    tag.as_ref().to_vec()
}

fn shared_secret(form: &str) -> Vec<u8> {
    if form == "the secret" {
        return vec![7; 32];
    }
    let known = public_forms().into_iter().find(|(name, _)| *name == form);
    known.unwrap_or_else(|| panic!("no form of the public key: {form}")).1
}

/// The signature that a recipe of words makes out of the right one.
fn signature(recipe: &str, right: &[u8], input: &str) -> Vec<u8> {
    let half = right.len() / 2;
    let (r, s) = right.split_at(half);
    let number = |n: u8| [vec![0; half - 1], vec![n]].concat();
    let part = |word: &str| match word {
        "SIG" => right.to_vec(),
        "R" => r.to_vec(),
        "S" => s.to_vec(),
        "0" => number(0),
        "1" => number(1),
        "N" => hex(P256_ORDER),
        "S+L" => past_the_order(s),
        "EM" => encoded_message(input),
        "DER" => der_signature(r, s),
        "SIG-1" => right[..right.len() - 1].to_vec(),
        "SIG^FIRST" => [&[right[0] ^ 1], &right[1..]].concat(),
        "SIG^LAST" => [&right[..right.len() - 1], &[right[right.len() - 1] ^ 1]].concat(),
        digits => hex(digits.strip_prefix("0x").unwrap_or_else(|| panic!("no part of a signature: {word}"))),
    };
    repeated(recipe).split_whitespace().flat_map(part).collect()
}

/// What RS256 of 2048 bits compares (RFC 8017 §9.2): under an exponent of 1 it is its own signature.
fn encoded_message(input: &str) -> Vec<u8> {
    let digest = digest::digest(&digest::SHA256, input.as_bytes());
    let info = hex("3031300d060960864801650304020105000420");
    [&[0, 1], &[0xff; 202][..], &[0], &info, digest.as_ref()].concat()
}

/// The text with its placeholders filled in.
fn expanded(text: &str) -> Vec<u8> {
    let text = repeated(text);
    let mut parts = text.split('$');
    let mut bytes = parts.next().unwrap().as_bytes().to_vec();
    for part in parts {
        let name_end =
            part.find(|c: char| !c.is_ascii_uppercase() && c != '6' && c != '4').unwrap_or(part.len());
        let (name, rest) = part.split_at(name_end);
        match rest.strip_prefix('(').and_then(|rest| rest.split_once(')')) {
            _ if name.is_empty() => bytes.extend([b"$", part.as_bytes()].concat()),
            Some((argument, rest)) => bytes.extend([&filled(name, argument), rest.as_bytes()].concat()),
            None => bytes.extend([&filled(name, ""), rest.as_bytes()].concat()),
        }
    }
    bytes
}

/// The text with its repetitions written out: first, since they stand inside of other placeholders.
fn repeated(text: &str) -> String {
    let mut parts = text.split("$TIMES(");
    let mut whole = parts.next().unwrap().to_owned();
    for part in parts {
        let (argument, rest) = part.split_once(')').unwrap();
        let (count, unit) = argument.split_once(' ').unwrap();
        whole.push_str(&unit.repeat(count.parse().unwrap()));
        whole.push_str(rest);
    }
    whole
}

fn filled(name: &str, argument: &str) -> Vec<u8> {
    let pair = || argument.split_once(' ').unwrap_or_else(|| panic!("${name} takes two words"));
    match name {
        "HEADER" => members(HEADER).into(),
        "CLAIMS" => members(CLAIMS).into(),
        "MEMBERS" => members(&signer(argument).unwrap().jwk()).into(),
        "NUMBER" => member(&signer(pair().0).unwrap().jwk(), pair().1).into(),
        "CERTIFICATE" => STANDARD.encode(certificate(signer(argument).unwrap())).into(),
        "HEX" => hex(argument),
        "B64" => base64url_encode(hex(argument)).into(),
        other => panic!("no placeholder: ${other}"),
    }
}

/// What stands between the braces of an object.
fn members(object: &str) -> String {
    object.trim().trim_start_matches('{').trim_end_matches('}').to_owned()
}

fn utf8(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap()
}
