BEGIN TRANSACTION;
CREATE TABLE accounts (
	name TEXT NOT NULL, 
	source TEXT NOT NULL, 
	taken FLOAT NOT NULL, 
	marker TEXT DEFAULT '' NOT NULL, 
	listed FLOAT DEFAULT '0' NOT NULL, 
	skipped INTEGER DEFAULT '0' NOT NULL, 
	error TEXT DEFAULT '' NOT NULL, 
	failed FLOAT DEFAULT '0' NOT NULL, 
	asked FLOAT DEFAULT '0' NOT NULL, 
	PRIMARY KEY (name)
);
CREATE TABLE additions (
	account TEXT NOT NULL, 
	hash TEXT NOT NULL, 
	name TEXT NOT NULL, 
	link TEXT NOT NULL, 
	torrent BLOB NOT NULL, 
	person TEXT NOT NULL, 
	dropped FLOAT NOT NULL, 
	state TEXT NOT NULL, 
	reason TEXT DEFAULT '' NOT NULL, 
	tries INTEGER DEFAULT '0' NOT NULL, 
	tried FLOAT DEFAULT '0' NOT NULL, 
	unsure BOOLEAN DEFAULT '0' NOT NULL, 
	due FLOAT DEFAULT '0' NOT NULL, 
	settled FLOAT DEFAULT '0' NOT NULL, 
	id TEXT DEFAULT '' NOT NULL, 
	PRIMARY KEY (account, hash)
);
CREATE TABLE audit (
	number INTEGER NOT NULL, 
	account TEXT NOT NULL, 
	magnet TEXT NOT NULL, 
	hash TEXT NOT NULL, 
	name TEXT NOT NULL, 
	size INTEGER, 
	who TEXT NOT NULL, 
	why TEXT NOT NULL, 
	deleted FLOAT NOT NULL, 
	began FLOAT NOT NULL, 
	ended FLOAT NOT NULL, 
	outcome TEXT NOT NULL, 
	PRIMARY KEY (number)
);
CREATE TABLE deaf (
	hook TEXT NOT NULL, 
	since FLOAT NOT NULL, 
	tries INTEGER NOT NULL, 
	again FLOAT NOT NULL, 
	error TEXT NOT NULL, 
	PRIMARY KEY (hook)
)
 WITHOUT ROWID

;
CREATE TABLE drops (
	account TEXT NOT NULL, 
	name TEXT NOT NULL, 
	content BLOB NOT NULL, 
	identity TEXT NOT NULL, 
	hashes JSON NOT NULL, 
	at FLOAT NOT NULL, 
	PRIMARY KEY (account, name)
);
CREATE TABLE edited_files (
	account TEXT NOT NULL, 
	magnet TEXT NOT NULL, 
	identity TEXT NOT NULL, 
	path TEXT NOT NULL, 
	hidden FLOAT NOT NULL, 
	PRIMARY KEY (account, magnet, identity)
)
 WITHOUT ROWID

;
CREATE TABLE edits (
	account TEXT NOT NULL, 
	magnet TEXT NOT NULL, 
	revision INTEGER NOT NULL, 
	folder TEXT NOT NULL, 
	folder_key TEXT NOT NULL, 
	stage TEXT NOT NULL, 
	deleted FLOAT NOT NULL, 
	due FLOAT NOT NULL, 
	who TEXT NOT NULL, 
	why TEXT NOT NULL, 
	PRIMARY KEY (account, magnet)
)
 WITHOUT ROWID

;
CREATE TABLE emptied (
	account TEXT NOT NULL, 
	magnet TEXT NOT NULL, 
	path TEXT NOT NULL, 
	since FLOAT NOT NULL, 
	PRIMARY KEY (account, magnet, path)
)
 WITHOUT ROWID

;
CREATE TABLE files (
	account TEXT NOT NULL, 
	magnet TEXT NOT NULL, 
	position INTEGER NOT NULL, 
	path TEXT NOT NULL, 
	ref TEXT NOT NULL, 
	size INTEGER, 
	number INTEGER, 
	mime TEXT NOT NULL, 
	video_hash TEXT NOT NULL, 
	PRIMARY KEY (account, magnet, position)
)
 WITHOUT ROWID

;
CREATE TABLE held_back (
	account TEXT NOT NULL, 
	id TEXT NOT NULL, 
	since FLOAT NOT NULL, 
	PRIMARY KEY (account, id)
)
 WITHOUT ROWID

;
CREATE TABLE leases (
	account TEXT NOT NULL, 
	task TEXT NOT NULL, 
	holder TEXT NOT NULL, 
	until FLOAT NOT NULL, 
	PRIMARY KEY (account, task)
)
 WITHOUT ROWID

;
CREATE TABLE linked (
	account TEXT NOT NULL, 
	position INTEGER NOT NULL, 
	id TEXT NOT NULL, 
	name TEXT NOT NULL, 
	ref TEXT NOT NULL, 
	size INTEGER, 
	mime TEXT NOT NULL, 
	added FLOAT, 
	kind TEXT NOT NULL, 
	host TEXT NOT NULL, 
	PRIMARY KEY (account, position)
)
 WITHOUT ROWID

;
CREATE TABLE linked_since (
	account TEXT NOT NULL, 
	source TEXT NOT NULL, 
	taken FLOAT NOT NULL, 
	PRIMARY KEY (account)
);
CREATE TABLE links (
	account TEXT NOT NULL, 
	ref TEXT NOT NULL, 
	url TEXT NOT NULL, 
	expires FLOAT NOT NULL, 
	headers JSON NOT NULL, 
	size INTEGER, 
	connections INTEGER, 
	decoy TEXT NOT NULL, 
	revision INTEGER DEFAULT '0' NOT NULL, 
	PRIMARY KEY (account, ref)
)
 WITHOUT ROWID

;
CREATE TABLE magnets (
	account TEXT NOT NULL, 
	id TEXT NOT NULL, 
	name TEXT NOT NULL, 
	status TEXT NOT NULL, 
	fingerprint TEXT NOT NULL, 
	hash TEXT NOT NULL, 
	size INTEGER, 
	progress FLOAT, 
	added FLOAT NOT NULL, 
	speed INTEGER, 
	trouble TEXT DEFAULT '' NOT NULL, 
	folder TEXT, 
	files_of TEXT, 
	file_count INTEGER DEFAULT '0' NOT NULL, 
	unsized INTEGER DEFAULT '0' NOT NULL, 
	revision INTEGER DEFAULT '0' NOT NULL, 
	PRIMARY KEY (account, id)
)
 WITHOUT ROWID

;
CREATE TABLE places (
	"key" TEXT NOT NULL, 
	number INTEGER NOT NULL, 
	name TEXT NOT NULL, 
	stamp TEXT NOT NULL, 
	folders TEXT NOT NULL, 
	paths BLOB NOT NULL, 
	until FLOAT, 
	gone FLOAT DEFAULT '0' NOT NULL, 
	PRIMARY KEY ("key")
);
CREATE TABLE revisions (
	name TEXT NOT NULL, 
	value INTEGER NOT NULL, 
	PRIMARY KEY (name)
);
CREATE TABLE sidecar_homes (
	home TEXT NOT NULL, 
	revision INTEGER NOT NULL, 
	PRIMARY KEY (home)
)
 WITHOUT ROWID

;
CREATE TABLE sidecars (
	home TEXT NOT NULL, 
	path TEXT NOT NULL, 
	content TEXT NOT NULL, 
	size INTEGER NOT NULL, 
	modified FLOAT NOT NULL, 
	gone FLOAT DEFAULT '0' NOT NULL, 
	PRIMARY KEY (home, path)
)
 WITHOUT ROWID

;
CREATE TABLE sizes (
	identity TEXT NOT NULL, 
	size INTEGER NOT NULL, 
	revision INTEGER DEFAULT '0' NOT NULL, 
	PRIMARY KEY (identity)
);
CREATE TABLE untold (
	hook TEXT NOT NULL, 
	path TEXT NOT NULL, 
	was TEXT NOT NULL, 
	first FLOAT NOT NULL, 
	last FLOAT NOT NULL, 
	times INTEGER NOT NULL, 
	PRIMARY KEY (hook, path)
)
 WITHOUT ROWID

;
CREATE INDEX ix_places_number ON places (number);
CREATE INDEX ix_edits_revision ON edits (revision);
CREATE INDEX ix_sidecar_homes_revision ON sidecar_homes (revision);
COMMIT;
PRAGMA user_version = 4;
