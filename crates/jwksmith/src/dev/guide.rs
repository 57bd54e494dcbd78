//! What `dev` says when it is ready: where everything is, and the next two commands.

use jwksmith_authority::{Api, TenantSnapshot, management_audience};

use super::folder::Folder;

/// The whole text. Its last line begins with `ready`, for scripts that wait for it.
pub(super) fn text(tenant: &TenantSnapshot, folder: &Folder, audience: &str) -> String {
    let issuer = &tenant.tenant().issuer;
    let management = management_audience(issuer);
    let apis = tenant.apis().filter(|api| api.audience() != management);
    let others: String =
        apis.filter(|api| api.audience() != audience).map(|api| other_api(api, folder)).collect();
    let (data, env, command) = (folder.path().display(), folder.env(), command());
    let env = shell_path(&env);
    format!(
        "\
jwksmith dev: an authority for this machine

  issuer      {issuer}
  discovery   {issuer}.well-known/openid-configuration
  key set     {issuer}.well-known/jwks.json
  API         {audience} (RS256)
{others}  data        {data} (private: it holds the keys and what they are sealed under)

Get a token:

  set -a; . {env}; set +a
  TOKEN=$(curl -s \"${{ISSUER}}oauth/token\" -d grant_type=client_credentials \\
    -d client_id=\"$CLIENT_ID\" -d client_secret=\"$CLIENT_SECRET\" -d audience=\"$AUDIENCE\" |
    sed 's/.*\"access_token\":\"\\([^\"]*\\)\".*/\\1/')

Verify it, knowing nothing but the issuer:

  {command} verify \"$TOKEN\" --issuer \"$ISSUER\" --audience \"$AUDIENCE\"

ready: located this issuer's key set through discovery and verified a token with it. Ctrl+C stops."
    )
}

fn other_api(api: &Api, folder: &Folder) -> String {
    let (audience, algorithm) = (api.audience(), api.algorithm());
    if algorithm.is_symmetric() {
        let file = folder.secret(audience);
        let options = format!("--algorithm {algorithm} --jwks {}", shell_path(&file));
        return format!("  API         {audience} ({algorithm}; verify with {options})\n");
    }
    format!("  API         {audience} ({algorithm})\n")
}

/// How this program was called, so that the printed command works where this one did.
#[expect(clippy::disallowed_methods, reason = "the binary is the one place that reads the command line")]
fn command() -> String {
    let called = std::env::args_os().next().map(std::path::PathBuf::from);
    // Without a folder it was found through PATH, and will be again.
    let path = called.filter(|path| path.components().count() > 1);
    path.map_or_else(|| "jwksmith".to_owned(), |path| shell_path(&path))
}

/// A path that a POSIX shell takes as one word, and `.` does not look up in `PATH`.
fn shell_path(path: &std::path::Path) -> String {
    let text = path.display().to_string();
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+".contains(c);
    if text.chars().all(plain) && text.contains('/') {
        return text;
    }
    let rooted = if text.contains('/') { text } else { format!("./{text}") };
    format!("'{}'", rooted.replace('\'', "'\\''"))
}

#[cfg(test)]
mod tests {
    use super::shell_path;
    use std::path::Path;

    #[test]
    fn shell_path_is_one_word_and_no_command_name() {
        let check = |path: &str, expected: &str| assert_eq!(shell_path(Path::new(path)), expected);
        check("./data/dev.env", "./data/dev.env");
        check("/tmp/a b/dev.env", "'/tmp/a b/dev.env'");
        check("/tmp/it's/dev.env", "'/tmp/it'\\''s/dev.env'");
        check("dev.env", "'./dev.env'");
    }
}
