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
CREATE TABLE links (
	account TEXT NOT NULL, 
	ref TEXT NOT NULL, 
	url TEXT NOT NULL, 
	expires FLOAT NOT NULL, 
	headers JSON NOT NULL, 
	size INTEGER, 
	connections INTEGER, 
	decoy TEXT NOT NULL, 
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
	folder TEXT, 
	files_of TEXT, 
	file_count INTEGER DEFAULT '0' NOT NULL, 
	unsized INTEGER DEFAULT '0' NOT NULL, 
	PRIMARY KEY (account, id)
)
 WITHOUT ROWID

;
CREATE TABLE sizes (
	identity TEXT NOT NULL, 
	size INTEGER NOT NULL, 
	PRIMARY KEY (identity)
);
COMMIT;
PRAGMA user_version = 2;
