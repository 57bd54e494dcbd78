//! `jwksmith key`: what it makes verifies, what it converts stays the same key, and what it writes nobody else reads.

use std::path::{Path, PathBuf};
use std::process::Command;

use insta::assert_snapshot;
use jwksmith_jose::{Algorithm, AnyKey, KeyForm, KeySet, PrivateKey, ThumbprintHash};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::{Outcome, VerifyArgs, claims, run, run_reading};

/// RFC 8037 appendix A.1.
const ED25519: &str = r#"{"kty":"OKP","crv":"Ed25519","d":"nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#;

/// A folder for the files of one test.
struct Folder(TempDir);

impl Folder {
    fn new() -> Self {
        Self(TempDir::new().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn name(&self, name: &str) -> String {
        self.path(name).to_str().unwrap().to_owned()
    }

    fn with(self, name: &str, content: impl AsRef<[u8]>) -> Self {
        std::fs::write(self.path(name), content).unwrap();
        self
    }
}

fn done<S: AsRef<str>>(args: &[S]) -> String {
    let outcome = run(args);
    assert_eq!((outcome.status, outcome.stderr.as_str()), (0, ""), "{outcome:?}");
    outcome.stdout
}

fn read(text: impl AsRef<[u8]>) -> PrivateKey {
    AnyKey::read(text.as_ref()).and_then(AnyKey::into_private).unwrap()
}

/// The code of a refusal, which prints nothing as data.
fn code_of(outcome: &Outcome) -> &str {
    assert_eq!((outcome.status, outcome.stdout.as_str()), (2, ""), "{outcome:?}");
    assert!(outcome.stderr.starts_with("error: "), "{outcome:?}");
    outcome.stderr.trim_end().rsplit_once("\ncode: ").unwrap().1
}

#[test]
fn new_key_signs_tokens_that_its_key_set_verifies() {
    for name in Algorithm::all().flat_map(|algorithm| algorithm.names().iter().copied()) {
        let folder = Folder::new().with("key.json", done(&["key", "new", "--algorithm", name]));
        let key = read(std::fs::read(folder.path("key.json")).unwrap());
        let algorithm = Algorithm::from_name(name).unwrap();
        assert_eq!(key.algorithm_name(), Some(name));
        assert_eq!(key.key_id(), Some(key.thumbprint(ThumbprintHash::Sha256).to_string().as_str()));
        let signing = key.signing_key(algorithm).unwrap().under_name(name).unwrap();
        let token = signing.sign_token(key.key_id(), "JWT", &claims()).unwrap();
        let public = run(&["key", "public", &folder.name("key.json"), "--set"]);
        if algorithm.is_symmetric() {
            assert_eq!(code_of(&public), "key_unsuitable", "{name}");
            continue;
        }
        let folder = folder.with("keys.json", public.stdout);
        let answer = VerifyArgs::offline(&folder.path("keys.json")).decide(&token);
        assert_eq!(answer, (0, json!(null)), "{name}");
    }
}

#[test]
fn size_kid_and_form_of_a_new_key_are_as_asked() {
    let pem = done(&["key", "new", "--algorithm", "PS256", "--bits", "3072", "--format", "pkcs1-pem"]);
    assert!(pem.starts_with("-----BEGIN RSA PRIVATE KEY-----\n") && pem.ends_with("-----\n"));
    assert_eq!(read(&pem).public_key().unwrap().bits(), 3072);
    let jwk = done(&["key", "new", "--algorithm", "ES384", "--kid", "2027-01"]);
    let members: Value = serde_json::from_str(&jwk).unwrap();
    assert_eq!(
        (&members["kid"], &members["alg"], &members["crv"]),
        (&json!("2027-01"), &json!("ES384"), &json!("P-384"))
    );
    assert_eq!(jwk.lines().count(), 1);
}

#[test]
fn new_key_that_cannot_be_is_refused() {
    let check = |args: &[&str], code: &str| {
        let outcome = run(&[&["key", "new", "--algorithm"], args].concat());
        assert_eq!(code_of(&outcome), code, "{args:?}");
    };
    check(&["RS256", "--bits", "1024"], "key_bits");
    check(&["RS256", "--bits", "2047"], "key_bits");
    check(&["ES256", "--bits", "2048"], "key_algorithm_unfit");
    let outcome = run(&["key", "new", "--algorithm", "ES256", "--bits", "2048"]);
    assert!(outcome.stderr.contains("`--bits` is the size of an RSA key"), "{outcome:?}");
    check(&["ES256", "--format", "pkcs1-pem"], "key_form_unavailable");
    check(&["ES256", "--format", "spki-pem"], "key_form_unavailable");
    check(&["HS256", "--format", "pkcs8-pem"], "key_form_unavailable");
    check(&["ES256", "--out", "/nowhere/key.json"], "config_key_unwritable");
    // What the grammar of the command line refuses has no code.
    for args in
        [&["RS1"][..], &["none"], &["ES256", "--kid", ""], &["ES256", "--force"], &["ES256", "--format", "x"]]
    {
        let outcome = run(&[&["key", "new", "--algorithm"], args].concat());
        assert_eq!((outcome.status, outcome.stdout.as_str()), (2, ""), "{args:?}");
    }
}

#[cfg(unix)]
#[test]
fn file_of_a_private_key_is_its_owners_alone_and_never_overwritten() {
    use std::os::unix::fs::PermissionsExt as _;
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let folder = Folder::new();
    let (key, public) = (folder.name("key.json"), folder.name("public.pem"));
    let new = ["key", "new", "--algorithm", "ES256", "--out", &key];
    assert_eq!(done(&new), "");
    let first = std::fs::read(&key).unwrap();
    assert_eq!(mode(Path::new(&key)), 0o600);
    assert!(first.ends_with(b"}\n"));
    assert_eq!(code_of(&run(&new)), "config_key_exists");
    assert_eq!(std::fs::read(&key).unwrap(), first);
    // What another mode or a link left behind does not let others read the new key.
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o644)).unwrap();
    assert_eq!(done(&[&new[..], &["--force"]].concat()), "");
    assert_ne!(std::fs::read(&key).unwrap(), first);
    assert_eq!(mode(Path::new(&key)), 0o600);
    assert_eq!(done(&["key", "convert", &key, "--to", "pkcs8-der", "--out", &folder.name("key.der")]), "");
    assert_eq!(mode(&folder.path("key.der")), 0o600);
    assert_eq!(done(&["key", "public", &key, "--format", "spki-pem", "--out", &public]), "");
    assert_eq!(mode(Path::new(&public)) & 0o600, 0o600);
    assert_eq!(std::fs::read_dir(folder.0.path()).unwrap().count(), 3, "nothing else is left behind");
}

#[test]
fn key_of_an_example_in_every_form() {
    let folder = Folder::new().with("key.json", ED25519);
    let key = folder.name("key.json");
    assert_snapshot!(done(&["key", "convert", &key, "--to", "pkcs8-pem"]), @r"
    -----BEGIN PRIVATE KEY-----
    MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g
    -----END PRIVATE KEY-----
    ");
    assert_snapshot!(done(&["key", "public", &key]), @r#"{"kty":"OKP","use":"sig","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo","kid":"kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"}"#);
    assert_snapshot!(done(&["key", "public", &key, "--set", "--kid", "a", "--algorithm", "Ed25519"]), @r#"{"keys":[{"kty":"OKP","use":"sig","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo","kid":"a","alg":"Ed25519"}]}"#);
    assert_snapshot!(done(&["key", "convert", &key, "--to", "spki-pem"]), @r"
    -----BEGIN PUBLIC KEY-----
    MCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=
    -----END PUBLIC KEY-----
    ");
    assert_snapshot!(done(&["key", "thumbprint", &key]), @"kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
    assert_snapshot!(done(&["key", "thumbprint", &key, "--uri", "--hash", "sha-512"]), @"urn:ietf:params:oauth:jwk-thumbprint:sha-512:SfSqAgfmPYvpuNzfHCiQXi6Mr51GG78hHopngoabsV9xvLR0hcUfVCoJLfyzi08Dbnds6kmcAt23CpNV-8qLTg");
}

#[test]
fn conversion_keeps_the_key() {
    for (name, forms) in
        [("RS256", 5), ("ES256", 5), ("ES256K", 5), ("EdDSA", 3), ("ML-DSA-44", 3), ("HS256", 1)]
    {
        let jwk = done(&["key", "new", "--algorithm", name, "--kid", "k"]);
        let folder = Folder::new().with("jwk", &jwk);
        let key = read(&jwk);
        let thumbprint = format!("{}\n", key.thumbprint(ThumbprintHash::Sha256));
        let mut written = 0;
        for form in KeyForm::all().filter(|form| key.export(*form).is_ok()) {
            let file = folder.name(form.name());
            if form != KeyForm::Jwk {
                done(&["key", "convert", &folder.name("jwk"), "--to", form.name(), "--out", &file]);
            }
            assert_eq!(done(&["key", "thumbprint", &file]), thumbprint, "{name} as {}", form.name());
            let back = done(&["key", "convert", &file, "--to", "jwk"]);
            assert_eq!(private_members(&back), private_members(&jwk), "{name} as {}", form.name());
            written += 1;
        }
        assert_eq!(written, forms, "{name}");
    }
}

/// A JWK without its names.
fn private_members(jwk: &str) -> Value {
    let mut members: Value = serde_json::from_str(jwk).unwrap();
    let object = members.as_object_mut().unwrap();
    object.remove("kid");
    object.remove("alg");
    members
}

#[test]
fn der_is_written_to_standard_output_as_it_is() {
    let folder = Folder::new().with("key.json", ED25519);
    let output = crate::support::binary()
        .args(["key", "convert", &folder.name("key.json"), "--to", "spki-der"])
        .output()
        .unwrap();
    assert_eq!((output.status.code(), output.stdout.len()), (Some(0), 44));
}

#[test]
fn key_set_is_made_of_several_files() {
    let folder = Folder::new()
        .with("a", ED25519)
        .with("b", done(&["key", "new", "--algorithm", "ES256", "--format", "sec1-pem"]));
    let (a, b) = (folder.name("a"), folder.name("b"));
    let set = done(&["key", "public", &a, &b, "--set"]);
    assert_eq!(KeySet::parse(set.as_bytes()).unwrap().keys().len(), 2);
    assert!(!set.contains("\"d\""));
    assert_eq!(code_of(&run(&["key", "public", &a, &b])), "config_key_files");
    assert_eq!(code_of(&run(&["key", "public", &a, &b, "--set", "--kid", "k"])), "config_key_files");
    assert_eq!(code_of(&run(&["key", "public", &a, &a, "--set"])), "config_key_files");
}

#[test]
fn wrong_file_is_told_by_what_it_is() {
    let public = done_reading(&["key", "public", "-"], ED25519);
    let check = |args: &[&str], input: &str, code: &str| {
        assert_eq!(code_of(&run_reading(args, input.as_bytes())), code, "{args:?} {input}");
    };
    for command in
        [&["key", "public", "-"][..], &["key", "thumbprint", "-"], &["key", "convert", "-", "--to", "jwk"]]
    {
        check(command, "", "key_unrecognized");
        check(command, "ssh-ed25519 AAAA me@host", "key_openssh");
        check(
            command,
            "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAQID\n-----END ENCRYPTED PRIVATE KEY-----",
            "key_encrypted",
        );
        check(command, &" ".repeat(64 * 1024 + 1), "key_too_large");
        check(command, r#"{"kty":"RSA","n":"AQAB","e":"AQAB"}"#, "jwk_weak");
    }
    check(&["key", "convert", "-", "--to", "pkcs8-pem"], &public, "key_form_unavailable");
    check(&["key", "public", "-", "--algorithm", "ES256"], ED25519, "key_algorithm_unfit");
    assert_eq!(code_of(&run(&["key", "public", "/nowhere/key.json"])), "config_key_unreadable");
    assert_eq!(code_of(&run(&["key", "public", "/"])), "config_key_unreadable");
}

fn done_reading(args: &[&str], input: &str) -> String {
    let outcome = run_reading(args, input.as_bytes());
    assert_eq!(outcome.status, 0, "{outcome:?}");
    outcome.stdout
}

#[test]
fn wrong_file_in_words() {
    let outcome = run_reading(
        &["key", "public", "-"],
        b"-----BEGIN ENCRYPTED PRIVATE KEY-----\nAQID\n-----END ENCRYPTED PRIVATE KEY-----",
    );
    assert_snapshot!(outcome.seen(), @r"
    status 2
    error: standard input: the private key is encrypted: decrypt it first, as with `openssl pkey -in FILE`
    code: key_encrypted
    ");
}

#[test]
fn words_about_a_private_key_hold_nothing_of_it() {
    let broken = ED25519.replace("11qYAYKx", "21qYAYKx");
    let outcome = run_reading(&["key", "public", "-"], broken.as_bytes());
    assert_eq!(code_of(&outcome), "key_private_invalid");
    assert!(!outcome.stderr.contains("nWGxne"), "{outcome:?}");
}

/// OpenSSL, if this machine has it: a real peer for every form that both know.
fn openssl(args: &[&str]) -> Option<Vec<u8>> {
    let output = Command::new("openssl").args(args).output().ok()?;
    assert!(output.status.success(), "openssl {args:?}: {}", String::from_utf8_lossy(&output.stderr));
    Some(output.stdout)
}

#[test]
fn openssl_and_jwksmith_read_each_other() {
    let folder = Folder::new();
    let made = [
        ("RS256", &["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"][..]),
        ("ES256", &["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"]),
        ("ES384", &["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-384"]),
        ("ES512", &["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-521"]),
        ("ES256K", &["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:secp256k1"]),
        ("EdDSA", &["-algorithm", "ED25519"]),
    ];
    for (name, options) in made {
        let theirs = folder.name(&format!("{name}.theirs"));
        let Some(_) = openssl(&[&["genpkey", "-out", &theirs], options].concat()) else {
            eprintln!("skipped: this machine has no openssl");
            return;
        };
        let spki = openssl(&["pkey", "-in", &theirs, "-pubout"]).unwrap();
        assert_eq!(done(&["key", "public", &theirs, "--format", "spki-pem"]).as_bytes(), spki, "{name}");
        let ours = folder.name(&format!("{name}.ours"));
        done(&["key", "new", "--algorithm", name, "--format", "pkcs8-pem", "--out", &ours]);
        let spki = done(&["key", "public", &ours, "--format", "spki-pem"]);
        assert_eq!(openssl(&["pkey", "-in", &ours, "-pubout"]).unwrap(), spki.as_bytes(), "{name}");
        openssl(&["pkey", "-in", &ours, "-check", "-noout"]).unwrap();
        let certificate = folder.name(&format!("{name}.certificate"));
        openssl(&["req", "-x509", "-key", &theirs, "-subj", "/CN=peer", "-out", &certificate]).unwrap();
        let thumbprint = done(&["key", "thumbprint", &theirs]);
        assert_eq!(done(&["key", "thumbprint", &certificate]), thumbprint, "{name}");
        let jwk: Value = serde_json::from_str(&done(&["key", "public", &certificate])).unwrap();
        assert!(jwk["x5c"][0].is_string() && jwk["kid"] == thumbprint.trim_end(), "{jwk}");
    }
    let ours = folder.name("RS256.ours");
    for form in ["pkcs1-pem", "pkcs1-der", "pkcs8-der"] {
        let file = folder.name(form);
        done(&["key", "convert", &ours, "--to", form, "--out", &file]);
        assert_eq!(
            openssl(&["pkey", "-in", &file, "-pubout"]),
            openssl(&["pkey", "-in", &ours, "-pubout"]),
            "{form}"
        );
    }
    let theirs = folder.name("traditional");
    openssl(&["ec", "-in", &folder.name("ES256.theirs"), "-out", &theirs]).unwrap();
    assert_eq!(
        done(&["key", "thumbprint", &theirs]),
        done(&["key", "thumbprint", &folder.name("ES256.theirs")])
    );
    let locked = folder.name("locked");
    openssl(&["pkey", "-in", &ours, "-aes256", "-passout", "pass:x", "-out", &locked]).unwrap();
    assert_eq!(code_of(&run(&["key", "public", &locked])), "key_encrypted");
}
