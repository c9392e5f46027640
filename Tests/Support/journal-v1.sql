-- A journal of schema 1 with records, for the migration tests. Never edited.
PRAGMA application_id = 1299469156;
PRAGMA user_version = 1;
BEGIN TRANSACTION;
CREATE TABLE checkpoint (
    id   INTEGER PRIMARY KEY CHECK (id = 1),
    seq  INTEGER NOT NULL,
    hash BLOB NOT NULL
) STRICT;
INSERT INTO "checkpoint" VALUES(1,17,X'163BA6F464387EC333493D7F709E089F2177F2819D112BF2492D0530CE213627');
CREATE TABLE cursors (name TEXT PRIMARY KEY, seq INTEGER NOT NULL) STRICT, WITHOUT ROWID;
INSERT INTO "cursors" VALUES('cloud',12);
CREATE TABLE records (
    seq  INTEGER PRIMARY KEY,
    at   INTEGER NOT NULL,
    kind TEXT NOT NULL,
    key  TEXT NOT NULL UNIQUE,
    data TEXT NOT NULL,
    hash BLOB NOT NULL CHECK (length(hash) = 32)
) STRICT;
INSERT INTO "records" VALUES(1,1772436601123,'box.created','box.created/1','{"box":"SJKGRHDV"}',X'BE0ADF77F18A5EC11879C2AB1551735BF1B15F0E8E0F83CA15423DAB1A843B13');
INSERT INTO "records" VALUES(2,1772436602123,'config.changed','config.changed/2','{"list":[1,-2,true],"none":null,"text":"é \"\\\u0001🔌 "}',X'F397C1DA69383C3EBA37963AC84D3165A323083F28526420F42E949CDB85D2D2');
INSERT INTO "records" VALUES(3,1772436603123,'interval','interval/217072470/1/2026-03-02T07:35:00Z/0','{"channels":[{"channel":"import_wh","method":"boundary","quality":"A","reason":"","register_end":500,"source":"register","value_wh":500},{"channel":"import_varh","method":"boundary","quality":"A","reason":"","register_end":null,"source":"register","unit":"varh","value":"3"}],"end":"2026-03-02T07:35:00Z","epoch":1,"meter":"217072470","minutes":5,"revision":0}',X'A2358381A4C306373D3FB92E4E93E329E00330C84BD25098D5785A934EC1A9F9');
INSERT INTO "records" VALUES(4,1772436604123,'interval','interval/217072470/1/2026-03-02T07:40:00Z/0','{"channels":[{"channel":"import_wh","method":"boundary","quality":"N","reason":"timeout","register_end":null,"source":"register","value_wh":null},{"channel":"import_varh","method":"boundary","quality":"A","reason":"","register_end":null,"source":"register","unit":"varh","value":"3"}],"end":"2026-03-02T07:40:00Z","epoch":1,"meter":"217072470","minutes":5,"revision":0}',X'9C038CD039102B648F8596FFD5AF2263413732CC3B8DF474236E539B0F4CD710');
INSERT INTO "records" VALUES(5,1772436605123,'interval','interval/B-1/1/2026-03-02T07:35:00Z/0','{"channels":[{"channel":"import_wh","method":"boundary","quality":"A","reason":"","register_end":500,"source":"register","value_wh":500},{"channel":"import_varh","method":"boundary","quality":"A","reason":"","register_end":null,"source":"register","unit":"varh","value":"3"}],"end":"2026-03-02T07:35:00Z","epoch":1,"meter":"B-1","minutes":5,"revision":0}',X'5AF827CA2E1C71E1E26F8BA7F24F71E708557FCD97F2AAE9C41B82419AB660EE');
INSERT INTO "records" VALUES(6,1772436606123,'interval','interval/217072470/1/2026-03-02T07:40:00Z/1','{"channels":[{"channel":"import_wh","method":"boundary","quality":"A","reason":"","register_end":960,"source":"register","value_wh":480},{"channel":"import_varh","method":"boundary","quality":"A","reason":"","register_end":null,"source":"register","unit":"varh","value":"3"}],"end":"2026-03-02T07:40:00Z","epoch":1,"meter":"217072470","minutes":5,"revision":1}',X'A2EC7236D0E5EB8653A01D32D8A745F34CEDF9D13EC69ECC2EA31A3E80D473B6');
INSERT INTO "records" VALUES(7,1772436607123,'command.scheduled','command.scheduled/7','{"ctr":4,"jti":"job","kid":"owner-1","payload_sha256":"hash of job","result":{"id":"job","seq":7,"state":"scheduled"}}',X'84DB3406C6ECA66E1D2BA8B0D37C20BF2F21B415D9102F43638162DF8BB7D26A');
INSERT INTO "records" VALUES(8,1772436608123,'command.refused','command.refused/8','{"ctr":9,"kid":"owner-1","payload_sha256":"hash of nothing","result":{"id":null,"seq":8,"state":"completed"}}',X'DB882A0CE8CF6C9EA8B709F90DFD5DCE65000D329363DCC6FFAD24B4DDD2F007');
INSERT INTO "records" VALUES(9,1772436609123,'command.done','command.done/9','{"jti":"job","kid":"owner-1","payload_sha256":"hash of job","result":{"id":"job","seq":9,"state":"completed"}}',X'86714C3D68EC750E07BAFF23CD5BB2E2D879B11D2DCE323F73FEE2EDD3CB3DE9');
INSERT INTO "records" VALUES(10,1772436610123,'command.refused','command.refused/10','{"ctr":2,"jti":"other","kid":"ops-1","payload_sha256":"hash of other","result":{"id":"other","seq":10,"state":"completed"}}',X'2D28E46257680129F0C81FF855C5068B71B94A148DB25CBC2B17A31D3D53113E');
INSERT INTO "records" VALUES(11,1772436611123,'key.added','key.added/11','{"key":"11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=","kid":"ops-1","role":"ops","units":["unit-1"]}',X'A7A36B11FE8154460D426E1C2E11074A4D76B736715FB4BEFCA6AC4C44617666');
INSERT INTO "records" VALUES(12,1772436612123,'key.added','key.added/12','{"key":"11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=","kid":"bad-1","not_before":1700000000,"role":"owner"}',X'C1F1608B78B53CAD9447582306F890018D94CDF31CE7854F4A3E6A757A523B99');
INSERT INTO "records" VALUES(13,1772436613123,'key.revoked','key.revoked/13','{"kid":"bad-1"}',X'8003235BD5920ADA54191FE38D1535DC493835307F48E451C1AD90C55D115FE0');
INSERT INTO "records" VALUES(14,1772436614123,'key.revoked','key.revoked/14','{"kid":"never-seen"}',X'688B32868944F082CFB569F10EAF730F45922A7C7C04E7547401CB620E47C606');
INSERT INTO "records" VALUES(15,1772436615123,'interval','interval/217072470/2/2026-03-02T07:40:00Z/0','{"channels":[{"channel":"import_wh","method":"boundary","quality":"A","reason":"","register_end":1000,"source":"register","value_wh":500},{"channel":"import_varh","method":"boundary","quality":"A","reason":"","register_end":null,"source":"register","unit":"varh","value":"3"}],"end":"2026-03-02T07:40:00Z","epoch":2,"meter":"217072470","minutes":5,"revision":0}',X'E2524EE0411B00353910D878CD57BF705E57165F350A0A46992A9A4CA38AE516');
INSERT INTO "records" VALUES(16,1772436616123,'interval','interval/217072470/1/2026-03-02T07:35:00Z/2','{"channels":[{"channel":"import_wh","method":"boundary","quality":"A","reason":"","register_end":500,"source":"register","value_wh":500},{"channel":"import_varh","method":"boundary","quality":"A","reason":"","register_end":null,"source":"register","unit":"varh","value":"3"}],"end":"2026-03-02T07:35:00Z","epoch":1,"meter":"217072470","minutes":5,"revision":2}',X'48EE8403C87B1AFF228EB2CEBF0C7486023A89F8D035D0F9893C5FF7EB741DC5');
INSERT INTO "records" VALUES(17,1772436617123,'command.done','command.done/17','{"ctr":3,"jti":"late","kid":"owner-1","payload_sha256":"hash of late","result":{"id":"late","seq":17,"state":"completed"}}',X'163BA6F464387EC333493D7F709E089F2177F2819D112BF2492D0530CE213627');
CREATE TABLE view_answer (jti TEXT PRIMARY KEY, seq INTEGER NOT NULL) STRICT, WITHOUT ROWID;
INSERT INTO "view_answer" VALUES('job',7);
INSERT INTO "view_answer" VALUES('late',17);
INSERT INTO "view_answer" VALUES('other',10);
CREATE TABLE view_counter (kid TEXT PRIMARY KEY, counter INTEGER NOT NULL) STRICT, WITHOUT ROWID;
INSERT INTO "view_counter" VALUES('ops-1',2);
INSERT INTO "view_counter" VALUES('owner-1',9);
CREATE TABLE view_interval (
    meter TEXT, end INTEGER, epoch INTEGER, revision INTEGER NOT NULL, seq INTEGER NOT NULL,
    PRIMARY KEY (meter, end, epoch)) STRICT, WITHOUT ROWID;
INSERT INTO "view_interval" VALUES('217072470',1772436900000,1,2,16);
INSERT INTO "view_interval" VALUES('217072470',1772437200000,1,1,6);
INSERT INTO "view_interval" VALUES('217072470',1772437200000,2,0,15);
INSERT INTO "view_interval" VALUES('B-1',1772436900000,1,0,5);
CREATE TABLE view_key (kid TEXT PRIMARY KEY, added INTEGER, revoked INTEGER) STRICT, WITHOUT ROWID;
INSERT INTO "view_key" VALUES('bad-1',12,13);
INSERT INTO "view_key" VALUES('never-seen',NULL,14);
INSERT INTO "view_key" VALUES('ops-1',11,NULL);
CREATE TABLE view_newest (
    meter TEXT, epoch INTEGER, end INTEGER NOT NULL, revision INTEGER NOT NULL, seq INTEGER NOT NULL,
    PRIMARY KEY (meter, epoch)) STRICT, WITHOUT ROWID;
INSERT INTO "view_newest" VALUES('217072470',1,1772437200000,1,6);
INSERT INTO "view_newest" VALUES('217072470',2,1772437200000,0,15);
INSERT INTO "view_newest" VALUES('B-1',1,1772436900000,0,5);
CREATE TABLE views (id INTEGER PRIMARY KEY CHECK (id = 1), version INTEGER NOT NULL) STRICT;
INSERT INTO "views" VALUES(1,1);
CREATE INDEX records_by_kind ON records (kind) WHERE kind <> 'interval';
CREATE TRIGGER records_follow BEFORE INSERT ON records
WHEN NEW.seq <> (SELECT coalesce(max(seq), 0) + 1 FROM records)
BEGIN SELECT raise(ABORT, 'a record must follow the newest one'); END;
CREATE TRIGGER records_stay BEFORE UPDATE ON records
BEGIN SELECT raise(ABORT, 'records are never changed'); END;
CREATE TRIGGER records_last BEFORE DELETE ON records
BEGIN SELECT raise(ABORT, 'records are never deleted'); END;
COMMIT;
