"""What stood in files beside SQLite's, and all tables that an older davstore had not made yet.

Until here a table that was new was made at the next start, under the same number: a file of schema
4 may lack any of them. From here on each change has a script. PostgreSQL begins with this schema.
"""

from alembic import op

revision = "v5"
down_revision = "v4"

_TABLES = """
CREATE TABLE IF NOT EXISTS accounts (name TEXT NOT NULL, source TEXT NOT NULL, taken FLOAT NOT
    NULL, marker TEXT DEFAULT '' NOT NULL, listed FLOAT DEFAULT '0' NOT NULL, skipped INTEGER
    DEFAULT '0' NOT NULL, error TEXT DEFAULT '' NOT NULL, failed FLOAT DEFAULT '0' NOT NULL,
    asked FLOAT DEFAULT '0' NOT NULL, PRIMARY KEY (name));
CREATE TABLE IF NOT EXISTS additions (account TEXT NOT NULL, hash TEXT NOT NULL, name TEXT NOT
    NULL, link TEXT NOT NULL, torrent BLOB NOT NULL, person TEXT NOT NULL, dropped FLOAT NOT
    NULL, state TEXT NOT NULL, reason TEXT DEFAULT '' NOT NULL, tries INTEGER DEFAULT '0' NOT
    NULL, tried FLOAT DEFAULT '0' NOT NULL, unsure BOOLEAN DEFAULT '0' NOT NULL, due FLOAT
    DEFAULT '0' NOT NULL, settled FLOAT DEFAULT '0' NOT NULL, id TEXT DEFAULT '' NOT NULL,
    PRIMARY KEY (account, hash));
CREATE TABLE IF NOT EXISTS audit (number INTEGER NOT NULL, account TEXT NOT NULL, magnet TEXT
    NOT NULL, hash TEXT NOT NULL, name TEXT NOT NULL, size INTEGER, who TEXT NOT NULL, why TEXT
    NOT NULL, deleted FLOAT NOT NULL, began FLOAT NOT NULL, ended FLOAT NOT NULL, outcome TEXT
    NOT NULL, PRIMARY KEY (number));
CREATE TABLE IF NOT EXISTS contents (content TEXT NOT NULL, position INTEGER NOT NULL, data BLOB
    NOT NULL, since FLOAT NOT NULL, PRIMARY KEY (content, position));
CREATE TABLE IF NOT EXISTS deaf (hook TEXT NOT NULL, since FLOAT NOT NULL, tries INTEGER NOT
    NULL, again FLOAT NOT NULL, error TEXT NOT NULL, PRIMARY KEY (hook)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS drops (account TEXT NOT NULL, name TEXT NOT NULL, content BLOB NOT
    NULL, identity TEXT NOT NULL, hashes JSON NOT NULL, at FLOAT NOT NULL, PRIMARY KEY (account,
    name));
CREATE TABLE IF NOT EXISTS edited_files (account TEXT NOT NULL, magnet TEXT NOT NULL, identity
    TEXT NOT NULL, path TEXT NOT NULL, hidden FLOAT NOT NULL, PRIMARY KEY (account, magnet,
    identity)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS edits (account TEXT NOT NULL, magnet TEXT NOT NULL, revision INTEGER
    NOT NULL, folder TEXT NOT NULL, folder_key TEXT NOT NULL, stage TEXT NOT NULL, deleted FLOAT
    NOT NULL, due FLOAT NOT NULL, who TEXT NOT NULL, why TEXT NOT NULL, PRIMARY KEY (account,
    magnet)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS ix_edits_revision ON edits (revision);
CREATE TABLE IF NOT EXISTS emptied (account TEXT NOT NULL, magnet TEXT NOT NULL, path TEXT NOT
    NULL, since FLOAT NOT NULL, PRIMARY KEY (account, magnet, path)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS files (account TEXT NOT NULL, magnet TEXT NOT NULL, position INTEGER
    NOT NULL, path TEXT NOT NULL, ref TEXT NOT NULL, size INTEGER, number INTEGER, mime TEXT NOT
    NULL, video_hash TEXT NOT NULL, PRIMARY KEY (account, magnet, position)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS held_back (account TEXT NOT NULL, id TEXT NOT NULL, since FLOAT NOT
    NULL, PRIMARY KEY (account, id)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS kept (room TEXT NOT NULL, digest TEXT NOT NULL, "key" TEXT NOT NULL,
    value BLOB NOT NULL, expires FLOAT NOT NULL, used FLOAT NOT NULL, PRIMARY KEY (room,
    digest));
CREATE TABLE IF NOT EXISTS leases (account TEXT NOT NULL, task TEXT NOT NULL, holder TEXT NOT
    NULL, until FLOAT NOT NULL, PRIMARY KEY (account, task)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS linked (account TEXT NOT NULL, position INTEGER NOT NULL, id TEXT NOT
    NULL, name TEXT NOT NULL, ref TEXT NOT NULL, size INTEGER, mime TEXT NOT NULL, added FLOAT,
    kind TEXT NOT NULL, host TEXT NOT NULL, PRIMARY KEY (account, position)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS linked_since (account TEXT NOT NULL, source TEXT NOT NULL, taken
    FLOAT NOT NULL, PRIMARY KEY (account));
CREATE TABLE IF NOT EXISTS links (account TEXT NOT NULL, ref TEXT NOT NULL, url TEXT NOT NULL,
    expires FLOAT NOT NULL, headers JSON NOT NULL, size INTEGER, connections INTEGER, decoy TEXT
    NOT NULL, revision INTEGER DEFAULT '0' NOT NULL, PRIMARY KEY (account, ref)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS magnets (account TEXT NOT NULL, id TEXT NOT NULL, name TEXT NOT NULL,
    status TEXT NOT NULL, fingerprint TEXT NOT NULL, hash TEXT NOT NULL, size INTEGER, progress
    FLOAT, added FLOAT NOT NULL, speed INTEGER, trouble TEXT DEFAULT '' NOT NULL, folder TEXT,
    files_of TEXT, file_count INTEGER DEFAULT '0' NOT NULL, unsized INTEGER DEFAULT '0' NOT
    NULL, revision INTEGER DEFAULT '0' NOT NULL, PRIMARY KEY (account, id)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS passes (account TEXT NOT NULL, source TEXT NOT NULL, token TEXT NOT
    NULL, expires FLOAT NOT NULL, renewal JSON NOT NULL, PRIMARY KEY (account));
CREATE TABLE IF NOT EXISTS places ("key" TEXT NOT NULL, number INTEGER NOT NULL, name TEXT NOT
    NULL, stamp TEXT NOT NULL, folders TEXT NOT NULL, paths BLOB NOT NULL, until FLOAT, gone
    FLOAT DEFAULT '0' NOT NULL, PRIMARY KEY ("key"));
CREATE INDEX IF NOT EXISTS ix_places_number ON places (number);
CREATE TABLE IF NOT EXISTS revisions (name TEXT NOT NULL, value INTEGER NOT NULL, PRIMARY KEY
    (name));
CREATE TABLE IF NOT EXISTS sidecar_homes (home TEXT NOT NULL, revision INTEGER NOT NULL, PRIMARY
    KEY (home)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS ix_sidecar_homes_revision ON sidecar_homes (revision);
CREATE TABLE IF NOT EXISTS sidecars (home TEXT NOT NULL, path TEXT NOT NULL, content TEXT NOT
    NULL, size INTEGER NOT NULL, modified FLOAT NOT NULL, gone FLOAT DEFAULT '0' NOT NULL,
    PRIMARY KEY (home, path)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS sizes (identity TEXT NOT NULL, size INTEGER NOT NULL, revision
    INTEGER DEFAULT '0' NOT NULL, PRIMARY KEY (identity));
CREATE TABLE IF NOT EXISTS untold (hook TEXT NOT NULL, path TEXT NOT NULL, was TEXT NOT NULL,
    first FLOAT NOT NULL, last FLOAT NOT NULL, times INTEGER NOT NULL, PRIMARY KEY (hook, path))
    WITHOUT ROWID;
"""


def upgrade() -> None:
    """From the schema before."""
    for statement in _TABLES.split(";"):
        if statement.strip():
            op.execute(statement)
