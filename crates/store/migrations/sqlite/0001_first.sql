-- Times are whole seconds since 1970. Lists of scopes are scope tokens separated by spaces (RFC 6749 section 3.3).

-- Proves the key-encryption key at the start. One row at most.
CREATE TABLE check_record (
    id INTEGER NOT NULL PRIMARY KEY CHECK (id = 1),
    sealed BLOB NOT NULL
);

CREATE TABLE tenants (
    id TEXT NOT NULL PRIMARY KEY,
    issuer TEXT NOT NULL UNIQUE,
    -- host[:port], by which a request finds its tenant.
    authority TEXT NOT NULL UNIQUE,
    version INTEGER NOT NULL CHECK (version > 0),
    created_at INTEGER NOT NULL CHECK (created_at >= 0)
);

CREATE TABLE signing_keys (
    -- Across all tenants, and rows are never deleted: a kid is never used twice.
    kid TEXT NOT NULL PRIMARY KEY,
    tenant_id TEXT NOT NULL REFERENCES tenants (id),
    algorithm TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('next', 'current', 'previous', 'revoked')),
    certificate BLOB NOT NULL,
    sealed_private BLOB,
    created_at INTEGER NOT NULL,
    current_since INTEGER,
    current_until INTEGER,
    revoked_at INTEGER,
    -- The private half is destroyed with revocation, and with nothing else.
    CHECK ((state = 'revoked') = (sealed_private IS NULL)),
    CHECK ((state = 'revoked') = (revoked_at IS NOT NULL)),
    CHECK ((state = 'next') = (current_since IS NULL)),
    CHECK ((state IN ('next', 'current')) = (current_until IS NULL))
);

CREATE INDEX signing_keys_of_tenant ON signing_keys (tenant_id);
CREATE UNIQUE INDEX signing_keys_one_current ON signing_keys (tenant_id, algorithm) WHERE state = 'current';
CREATE UNIQUE INDEX signing_keys_one_next ON signing_keys (tenant_id, algorithm) WHERE state = 'next';

CREATE TABLE apis (
    tenant_id TEXT NOT NULL REFERENCES tenants (id),
    audience TEXT NOT NULL,
    name TEXT NOT NULL,
    algorithm TEXT NOT NULL,
    token_lifetime_seconds INTEGER NOT NULL CHECK (token_lifetime_seconds > 0),
    scopes TEXT NOT NULL,
    -- The shared secret of an HS256 API.
    sealed_secret BLOB,
    PRIMARY KEY (tenant_id, audience)
);

CREATE TABLE applications (
    client_id TEXT NOT NULL PRIMARY KEY,
    tenant_id TEXT NOT NULL REFERENCES tenants (id),
    name TEXT NOT NULL,
    -- SHA-256 of the client secret, which itself is nowhere.
    secret_digest BLOB NOT NULL CHECK (length(secret_digest) = 32),
    -- For the reference from grants: a grant never crosses tenants.
    UNIQUE (tenant_id, client_id)
);

CREATE TABLE grants (
    tenant_id TEXT NOT NULL,
    client_id TEXT NOT NULL,
    audience TEXT NOT NULL,
    scopes TEXT NOT NULL,
    PRIMARY KEY (tenant_id, client_id, audience),
    FOREIGN KEY (tenant_id, client_id) REFERENCES applications (tenant_id, client_id),
    FOREIGN KEY (tenant_id, audience) REFERENCES apis (tenant_id, audience)
);
