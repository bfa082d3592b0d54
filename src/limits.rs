//! Every bound of the house, with its reason. A queue, length, count, depth or wait that is not here has no bound,
//! and that is a defect. Sizes are bytes unless the name says otherwise.

use std::time::Duration;

const KIB: usize = 1024;
const MIB: usize = 1024 * KIB;

/// A namespace, room, client or event name. Long enough for a path or a UUID with a prefix; short enough for a table.
pub const NAME_BYTES: usize = 256;
/// What `--auth` may hold; a server takes its CONNECT in one frame beside everything else.
pub const AUTH_BYTES: usize = 64 * KIB;
/// A session's id or place in what another server recovers: the reference's have 24 characters at the most.
pub const OFFSET_BYTES: usize = KIB;
/// A token: room for a JSON Web Token, and a file of something else is noticed.
pub const TOKEN_BYTES: usize = 4 * KIB;
/// hub.toml: thousands of namespaces fit, and a file of something else is noticed.
pub const HUB_FILE_BYTES: usize = MIB;
/// config.toml: hundreds of hubs fit, and it is read before every command.
pub const CONFIG_FILE_BYTES: usize = 64 * KIB;
/// Mistakes in hub.toml or config.toml that are told one by one; a file with more of them is not one.
pub const MISTAKES_TOLD: usize = 100;
/// Rooms one message may name (and one `join`, `sub` or `except`): the header stays small beside the body.
pub const ROOMS_PER_MESSAGE: usize = 64;
/// Rooms one socket may be in.
pub const ROOMS_PER_SOCKET: usize = 1024;
/// Rooms in one answer of `rooms`, which is of [`ANSWER_BYTES`] at most.
pub const ROOMS_LISTED: usize = 10_000;
/// Members' rooms in one answer of `queue`, which is of [`ANSWER_BYTES`] at most.
pub const QUEUES_LISTED: usize = 10_000;
/// Sockets in one answer of `who`, which is of [`ANSWER_BYTES`] at most: more than anyone reads.
pub const SOCKETS_LISTED: usize = 10_000;
/// Sockets of one answer of `who` for which is counted in the log how far they are behind: of healthy hubs none is.
pub const LAGS_COUNTED: usize = 64;
/// Records up to which that is counted, of all of them together: a number is wanted at once, not how many millions it are.
pub const LAG_RECORDS: u64 = 65_536;
/// Sockets in a room up to which those who watch it are told who comes and goes: among more nobody reads that, and each who
/// comes would be told to all.
pub const PRESENCE_CROWD: usize = 256;
/// Sockets looked at to tell them of one verb, over all the rooms that it is about: four rooms with as many as that; of the
/// rooms behind those nobody is told.
pub const PRESENCE_TOLD: usize = 4 * PRESENCE_CROWD;
/// Bare names in one answer of `rooms`: more than anyone reads of what a shell completes.
pub const NAMES_LISTED: usize = 1000;
/// All that a shell waits for names from the hub, while somebody has the finger on the key.
pub const COMPLETION_TIME: Duration = Duration::from_millis(200);
/// Namespaces one connection may enter.
pub const NAMESPACES_PER_CONNECTION: usize = 64;
/// Sockets that are remembered so that they may come back (`--recovery`), here and gone: each costs some 300 bytes of the
/// database and as much again for every few rooms. Those longest gone make room.
pub const SESSIONS_REMEMBERED: usize = 100_000;
/// What a client that comes back at the last moment has to be handed what it missed, before that may be pruned.
pub const RECOVERY_READ: Duration = Duration::from_secs(60);
/// A `pid`: ours are of 20 characters, and what is longer is none of them.
pub const PID_BYTES: usize = 64;
/// Connections the hub holds; each costs a file descriptor and about 12 KiB.
pub const CONNECTIONS: usize = 100_000;
/// Files that the hub has open beside its connections, at most: its database as its writer and readers see it, its
/// listeners, its programs' pipes, pages that are served.
pub const FILES_OF_OURS: usize = 128;

/// One message (`--max-message`): Socket.IO's own default for `maxHttpBufferSize`.
pub const MESSAGE_BYTES: usize = MIB;
/// The most that `--max-message` may raise it to: a message must fit the credit window, or it could never be sent.
pub const MESSAGE_BYTES_MAX: usize = 64 * MIB;
/// What `pub` reads from stdin in one `read()`, and so the usual body of a batch. A pipe holds 64 KiB; files come
/// in whole blocks, and 256 KiB is where a larger block stops being faster.
pub const BATCH_BYTES: usize = 256 * KIB;
/// Blocks of stdin that wait for the connection: enough to read ahead while one is sent, a megabyte at most.
pub const INPUT_BLOCKS: usize = 4;
/// Bytes that may stand around the data of one message in a frame: the header of a batch or the names in an event.
pub const FRAME_OVERHEAD: usize = 64 * KIB;
/// One WebSocket message, as a client takes it: the largest message and what stands around it.
pub const FRAME_BYTES_MAX: usize = MESSAGE_BYTES_MAX + FRAME_OVERHEAD;
/// Packets in one answer to a polling client: python-engineio refuses more.
pub const POLLED_PACKETS: usize = 16;
/// An answer to a polling client that is this long is sent off: what a session hands to any transport at a time.
pub const POLLED_BYTES: usize = WRITE_BUFFER_BYTES;
/// Packets of one polling request that are taken before others have their turn: a million may stand in a request.
pub const POSTED_IN_A_ROW: usize = 256;
/// Of a request that is too long so much is read and dropped: who is still sending hears why only when it has sent it.
pub const DROPPED_BYTES: usize = 8 * MIB;
/// The most that `--max-payload` may raise one request of long-polling to: the largest frame as base64.
pub const PAYLOAD_BYTES_MAX: usize = FRAME_BYTES_MAX.div_ceil(3) * 4;
/// Attachments of one event: the reference's parser has the same bound.
pub const ATTACHMENTS: usize = 10;
/// Digits of an ack id: what fits a u64 without overflow.
pub const ACK_ID_DIGITS: usize = 19;
/// Nesting of JSON that carries attachments, and so must be walked; stock clients walk it recursively.
pub const JSON_DEPTH: usize = 128;
/// Arguments of one event or ack: slicing them costs 16 bytes each, which two bytes on the wire can ask for. More than a
/// JavaScript call can spread, so no stock client meets it.
pub const ARGUMENTS: usize = 65_536;
/// A time in another server's handshake: the longest that a JavaScript timer can wait, so nobody means more, and sums of
/// two cannot overflow a clock.
pub const HANDSHAKE_TIME: Duration = Duration::from_millis(i32::MAX as u64);
/// A producer's name in an idempotent publish.
pub const PRODUCER_BYTES: usize = 64;

/// Written to a subscriber and not yet acked, per socket; also published by `pub` and not yet confirmed.
pub const CREDIT_BYTES: usize = 4 * MIB;
/// Events handed to a stock client with `auth.ack` and not yet acked.
pub const CREDIT_EVENTS: usize = 1000;
/// What `sub` writes to stdout before it says how far it came, when more is waiting: a quarter of the credit, so that
/// acks flow while it writes.
pub const REPORT_BYTES: usize = MIB;
/// What waits in one socket's mailbox. When it is full the session reads from the store instead.
pub const MAILBOX_BYTES: usize = 2 * MIB;
/// What `on` has received and not yet written: with this much of it nothing further is read from the server.
pub const UNWRITTEN_BYTES: usize = CREDIT_BYTES;
/// What one entry in a mailbox or queue counts for at least: many small messages are bounded too.
pub const ENTRY_BYTES: usize = 256;
/// Everything that waits for a commit, over all publishers.
pub const APPEND_QUEUE_BYTES: usize = 16 * MIB;
/// Verbs of one connection that wait for their answer; further ones are not read.
pub const VERBS_IN_FLIGHT: usize = 256;
/// Bytes of answers that a peer has not taken; with more of them nothing further is read from it. Lists end
/// there.
pub const ANSWER_BYTES: usize = 2 * MIB;
/// Batches that `pub` has in flight: enough to fill every commit, and room is left for the connection's other verbs.
pub const BATCHES_IN_FLIGHT: usize = VERBS_IN_FLIGHT / 2;
/// Messages from sessions that wait for the hub.
pub const HUB_INBOX: usize = 1024;
/// One page of catch-up read from the store.
pub const PAGE_BYTES: usize = MIB / 2;
/// Records in one page of catch-up.
pub const PAGE_RECORDS: usize = 256;
/// Records in the reader's rooms that one page looks at, owed or not: a page of nothing has an end too.
pub const PAGE_LOOKED_AT: usize = 4096;
/// Reads from the store that run at once; further ones wait.
pub const READERS: usize = 4;
/// Encoded bytes that a session hands to its transport before it waits for the transport to take them.
pub const WRITE_BUFFER_BYTES: usize = 128 * KIB;
/// A frame's payload of this length or more is handed to the system where it is; a shorter one is copied behind the frames
/// before it, so that a burst of them is one write.
pub const COPIED_BYTES: usize = 16 * KIB;
/// Answers to WebSocket's own pings that wait for a peer that takes nothing; of more, only the last is kept.
pub const PONG_BYTES: usize = KIB;
/// tungstenite's read buffer: its default of 128 KiB would be the cost of every idle connection.
pub const READ_BUFFER_BYTES: usize = 4 * KIB;
/// A client's read buffer. Each page of it is touched, and that is time when all there is to do is one `pub`; a larger one
/// gains nothing that can be measured.
pub const CLIENT_READ_BUFFER_BYTES: usize = 16 * KIB;
/// Plain events encoded for a record are kept for the next stock subscriber up to this many messages.
pub const SHARED_EVENTS: usize = 64;

/// Pieces in which a file of the static folder is read and sent: what one download holds in memory, and large enough that
/// the disk is not asked for every page of it.
pub const FILE_PIECE_BYTES: usize = 64 * KIB;
/// Reads of static files that run at once; further ones wait. They must not take all the threads that may wait for a disk.
pub const FILE_READS: usize = 4;

/// Engine.IO's defaults (protocol v4, "Heartbeat").
pub const PING_INTERVAL: Duration = Duration::from_secs(25);
pub const PING_TIMEOUT: Duration = Duration::from_secs(20);
/// A connection that enters no namespace for this long is closed; the reference's default.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(45);
/// A ping sent this late is late by timers; one sent later still is late by the hub, and who gets it has all its time.
pub const PING_LATE: Duration = Duration::from_millis(50);
/// How long a change from polling to WebSocket may take: the reference's `upgradeTimeout`.
pub const UPGRADE_TIMEOUT: Duration = Duration::from_secs(10);
/// How often a polling client that is about to change to WebSocket is let go; the reference has the same.
pub const UPGRADE_RELEASE: Duration = Duration::from_millis(100);
/// A polling client's two requests come on two connections: how much earlier its farewell may arrive than the request
/// that it sent before.
pub const CROSSED: Duration = Duration::from_millis(100);
/// How long a browser may remember what an invited page may send.
pub const PREFLIGHT_KEPT: Duration = Duration::from_secs(600);
/// A request's head must arrive in this time.
pub const HTTP_HEAD_TIMEOUT: Duration = Duration::from_secs(10);
/// The longest that a connection waits for its next turn because of one batch in a namespace with a rate. TCP gives up on a
/// peer that is gone after about as long: more would keep connections of the dead.
pub const RATE_WAIT: Duration = Duration::from_secs(15 * 60);
/// After a failed accept: a hub that is out of file descriptors must not spin.
pub const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// How often the hub's log says that there is no room for something: peers try again and again.
pub const REFUSED_SAID_EVERY: Duration = Duration::from_secs(10);
/// How long a session's goodbye may take: a peer that does not take it loses it.
pub const DRAIN_TIMEOUT: Duration = Duration::from_secs(2);

/// What waits to be read by a namespace's program (`handler`); with more of it a call is refused as busy.
pub const HANDLER_QUEUE_BYTES: usize = 4 * MIB;
/// Farewells that wait to be read by a program, beside that: the sockets it let in, so that one which was slow for a while
/// does not keep the dead on its lists.
pub const HANDLER_DISCONNECTS: usize = 65_536;
/// Answers of a program that are awaited at once.
pub const HANDLER_AWAITED: usize = 4096;
/// How long a program's answer is awaited.
pub const HANDLER_ANSWER: Duration = Duration::from_secs(5);
/// How long a program's next line waits for the session of whoever it has just let in to take its place. It takes a
/// moment, unless everything waits for the disk.
pub const HANDLER_ENTRY: Duration = Duration::from_secs(5);
/// A program that ended is started again after these, doubling; one that ran for longer than the longest starts over.
pub const HANDLER_RESTART_MIN: Duration = Duration::from_millis(100);
pub const HANDLER_RESTART_MAX: Duration = Duration::from_secs(5);
/// How long a program may go on once it was told to end (its stdin is closed), or once it closed its stdout; then it is
/// killed. How long its pipes are read once it ended. No longer than a peer's goodbye.
pub const HANDLER_STOP: Duration = DRAIN_TIMEOUT;
/// A line on a program's stderr, as the log shows it.
pub const HANDLER_STDERR_BYTES: usize = 4 * KIB;
/// Lines about one program in the log within a second: a traceback fits, a loop does not fill the disk.
pub const HANDLER_LOG_LINES: u32 = 100;
/// Sockets that left whose sids are remembered: what a program sends one of them is dropped, not kept in a room of that
/// name.
pub const HANDLER_DEPARTED: usize = 4096;

/// Cursor moves wait at most this long for a commit to ride on.
pub const ACK_DELAY: Duration = Duration::from_millis(100);
/// How long a producer's last number is remembered, and so the most that `--retry-for` may be.
pub const PRODUCER_TTL: Duration = Duration::from_secs(24 * 3600);
/// Records looked at by one step of pruning: a step is part of a commit and must not delay it.
pub const PRUNE_RECORDS: usize = 256;
/// How often the store looks through all producers for those past their time.
pub const PRODUCER_SWEEP: Duration = Duration::from_secs(600);
/// How often an idle store looks for what may go.
pub const PRUNE_INTERVAL: Duration = Duration::from_secs(1);
/// What one transaction of the writer appends at most: 16 usual batches, and so about 10 ms until the receipts of the
/// first of them leave.
pub const GROUP_BYTES: usize = 4 * MIB;
/// Ops in one transaction of the writer: single lines are grouped far enough that fsync costs them nothing, and still
/// take less than 20 ms.
pub const GROUP_OPS: usize = 2048;
/// Publishes that wait for their time, batches counting once: more than one a second for a day. The writer counts them when
/// it starts, and after a commit that the disk refused; that takes less than 100 ms.
pub const DELAYED_RECORDS: usize = 100_000;
/// Their bytes, which count to `--keep-pending` too: a tenth of what that is when nobody says.
pub const DELAYED_BYTES: usize = 1024 * MIB;
/// Of a smaller `--keep-pending` they may take one part in so many: what waits for a year must leave room for members.
pub const DELAYED_SHARE: u64 = 4;
/// How far ahead a publish may be for: a year, on whatever day it begins.
pub const DELAY_MAX: Duration = Duration::from_secs(366 * 24 * 3600);
/// What became due and was not handed out yet, bytes of it: a hub that comes back after a day has a day's worth at once.
pub const DUE_QUEUE_BYTES: usize = 2 * GROUP_BYTES;
/// When what is due finds that full, it is looked at again so much later.
pub const DUE_PAUSE: Duration = Duration::from_millis(50);
/// When what is due finds the disk full, it is tried again so much later.
pub const DUE_RETRY: Duration = Duration::from_secs(1);
/// What every record counts for beside its body where bytes of the log are bounded: rows, indexes, names.
pub const RECORD_OVERHEAD: usize = 256;
/// Who pins most is looked up this often at most while publishes are refused: it visits every membership.
pub const LARGEST_PENDING_TTL: Duration = Duration::from_secs(1);

/// SQLite's page: measured, 16 KiB commits 256 KiB bodies twice as fast as 4 KiB does, and single lines as fast.
pub const DB_PAGE_BYTES: usize = 16 * KIB;
/// What the writer's connection caches. A transaction that is larger spills into the write-ahead log.
pub const DB_WRITER_CACHE_BYTES: usize = 8 * MIB;
/// What a reader's connection caches: pages of catch-up are read once.
pub const DB_READER_CACHE_BYTES: usize = MIB;
/// The write-ahead log goes into the database when it is this long: half of this doubles the time that checkpoints
/// take, twice of it gains nothing.
pub const WAL_BYTES: usize = 32 * MIB;
/// The length that the write-ahead log has from the start, and to which small commits let it come.
pub const WAL_BYTES_MIN: usize = 4 * MIB;
/// What a commit of a few lines adds to the write-ahead log at most: a page each of the log, the indexes and the producers.
pub const SMALL_COMMIT_BYTES: usize = 128 * KIB;
/// A write-ahead log that readers kept from starting over is waited for at this length.
pub const WAL_BYTES_MAX: usize = 4 * WAL_BYTES;
/// How long the writer waits then for readers to let go. A read of ours is one page.
pub const WAL_RESTART_WAIT: Duration = Duration::from_millis(50);
/// How long a commit waits for another program that holds the database's write lock.
pub const DB_BUSY_WAIT: Duration = Duration::from_secs(2);
/// Rooms without members whose row the writer remembers; beyond this it looks them up again.
pub const ROOMS_REMEMBERED: usize = 16 * 1024;
/// Entries of a room's index that a merging reader holds at once, shared by its rooms but at least
/// [`MERGE_CHUNK_MIN`] each.
pub const MERGE_CHUNK: usize = 256;
pub const MERGE_CHUNK_MIN: usize = 8;
/// Bodies up to this are read with their header in one go; longer ones only when they are owed and fit the page.
pub const INLINE_BODY_BYTES: usize = 4 * KIB;

/// What `--format` may have: a screenful, which each message is made of.
pub const FORMAT_BYTES: usize = 4 * KIB;
/// Sharers of one queue: each is looked at for every piece that is handed.
pub const SHARERS: usize = 1024;
/// Messages that a sharer is handed before it acks, unless it says: it never waits for the next ones, and hoards little.
pub const SHARE_WINDOW: u32 = 512;
/// The most that a sharer may ask for.
pub const SHARE_WINDOW_MAX: u32 = 65_536;
/// The same in bytes: a usual batch. So much of it may also wait for a sharer's transport, whatever was acked.
pub const SHARE_WINDOW_BYTES: usize = BATCH_BYTES;
/// A window is refilled in so many parts, so that batches do not fall into crumbs.
pub const SHARE_REFILLS: u32 = 8;
/// Messages from the oldest that is not done on: so many may come twice after a restart, a takeover, a
/// kick, or the going of the last sharer.
pub const SHARE_AHEAD: u64 = 100_000;
/// Records of a shared queue that are held in memory, so that what nobody confirms can be handed to another. With more than
/// this another is read only for a sharer that has nothing.
pub const SHARE_BYTES: usize = 2 * CREDIT_BYTES;
/// Nor for such a one with more than this: of a few sharers each can hold a message of the largest size.
pub const SHARE_BYTES_MAX: usize = 16 * CREDIT_BYTES;
/// What was handed keeps at most so many times its length in memory: of a longer record it is a copy.
pub const SHARE_PINNED: usize = 4;
/// A place in every so manieth message of a shared record is known, so that a piece of it costs no walk through all.
pub const SHARE_MARKS: u32 = 64;
/// How long a sharer may take for what it holds, unless told.
pub const ACK_TIMEOUT: Duration = Duration::from_secs(30);
/// The longest that it may be told.
pub const ACK_TIMEOUT_MAX: Duration = Duration::from_secs(24 * 3600);
/// Commands that `sub --exec` runs at once (`--jobs`): each is a process and two pipes.
pub const EXEC_JOBS: u64 = 256;
/// A command's stdin up to this is written before it starts: every pipe takes a page.
pub const EXEC_STDIN_AT_ONCE: usize = 4 * KIB;
/// How often `sub --exec` may be told to try again: with waits of up to [`RECONNECT_MAX`], more than an hour of it.
pub const EXEC_RETRIES: u32 = 1000;
/// Messages that `sub --exec` takes ahead of the oldest one that is not done.
pub const EXEC_AHEAD: usize = 1024;
/// Messages whose commands the shell could not find or run, while none has shown that it can be: as one message may be
/// what made it so, a few others are tried before that is called the command's own fault.
pub const EXEC_UNPROVEN: usize = 4;
/// Bytes that a command of several at once prints before they are written, and the others have to wait for its end.
pub const EXEC_HELD: usize = 256 * KIB;
/// How long a signal or `--timeout` leaves the commands that run, before they are killed.
pub const EXEC_FINISH: Duration = Duration::from_secs(5);
/// How long a command's stdout is read once it ended: something that it left behind may hold it open for ever.
pub const EXEC_OUTPUT_END: Duration = Duration::from_secs(2);
/// What stands before the bytes of a stream's piece: names and numbers. So much smaller than a message a piece has to be.
pub const STREAM_HEAD_BYTES: usize = 512;
/// What a pipe that feeds a stream is made to hold, where the system allows it (1 MiB unless it was told otherwise): four
/// pieces, so that its two ends need not take turns.
pub const STREAM_PIPE_BYTES: usize = MIB;
/// The id of a stream: ours are of 32 characters, a longer one is no piece of any.
pub const STREAM_ID_BYTES: usize = 64;
/// Characters of a publisher's reason for breaking off a stream that are shown.
pub const STREAM_REASON: usize = 200;
/// How often a reader asks for a publisher of whom nothing came in the middle of a stream: it may be thinking.
pub const STREAM_ASKED_EVERY: Duration = Duration::from_secs(3);
/// How long a publisher must have been gone until its stream is cut off (`--stall`): it reconnects within [`RECONNECT_MAX`]
/// once the hub is there, and says so at once.
pub const STREAM_STALL: Duration = Duration::from_secs(30);
/// Answers that one `request` waits for at most.
pub const REPLIES: u64 = 1_000_000;
/// How long `request` waits for answers, unless told.
pub const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);
/// Reconnecting waits between these, doubling, with jitter.
pub const RECONNECT_MIN: Duration = Duration::from_millis(100);
pub const RECONNECT_MAX: Duration = Duration::from_secs(5);
/// A connection attempt, with its handshakes.
pub const DIAL_TIMEOUT: Duration = Duration::from_secs(10);
/// What a server may send of a recovered session before it says that it has recovered it.
pub const RECOVERED_BYTES: usize = FRAME_BYTES_MAX;
/// How long `emit` waits for the server's WebSocket to say that it has read the event.
pub const SETTLE_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a plain client that has left waits for the server to hang up: a connection closed before may be reset, and what
/// the server had not read is lost with it.
pub const HANG_UP_TIMEOUT: Duration = Duration::from_secs(1);
/// Characters of one part of a frame that `--trace` shows: two lines of a terminal, and a program's log stays readable.
pub const TRACED_CHARACTERS: usize = 160;
/// Bytes of a binary frame that `--trace` shows.
pub const TRACED_BYTES: usize = 16;
/// Secrets of a connection that `--trace` knows again in later frames.
pub const TRACED_SECRETS: usize = 16;
/// `pub -f FILE` gives up this long after the hub was lost; a pipe does not.
pub const RETRY_FOR_FILE: Duration = Duration::from_secs(30);
/// How long `sub` waits for the answer to its last ack before it says that the hub may send those messages again.
pub const LAST_ACK_TIMEOUT: Duration = Duration::from_secs(10);
/// What a signal or `--timeout` leaves for writing what was received and acking it.
pub const FINISH_TIMEOUT: Duration = Duration::from_secs(1);
/// How long the farewell to the hub may take: it is a courtesy, and everything was confirmed before it.
pub const CLOSE_TIMEOUT: Duration = Duration::from_millis(200);
/// Progress is shown of what takes longer than this: what is over before is not worth a flicker.
pub const PROGRESS_AFTER: Duration = Duration::from_millis(300);
/// The shortest `--watch`: faster than the eye, it would only keep the hub busy.
pub const WATCH_EVERY_MIN: Duration = Duration::from_millis(100);
/// How often `--watch` counts the seconds of what it waits for, and looks whether anyone reads what it prints.
pub const WATCH_TICK: Duration = Duration::from_secs(1);
/// What `--watch` gives a terminal at its end to clear what stands below the table: one that was stopped takes nothing.
pub const WATCH_END: Duration = Duration::from_millis(200);
/// How long an answer may take before `--watch` says that it waits for it: a table of before looks like one of now.
pub const WATCH_PATIENCE: Duration = Duration::from_secs(2);
/// What a name keeps of itself in a table however narrow the terminal: a beginning and an end that tell it from others.
pub const NAME_COLUMNS: usize = 8;
/// How often progress is drawn: often enough for the eye.
pub const PROGRESS_EVERY: Duration = Duration::from_millis(100);
/// Columns of the terminal's last line that progress leaves free: a terminal echoes Ctrl-C as two, and what is wrapped then
/// would stay on the screen; and a terminal that becomes a little narrower has nothing to wrap.
pub const PROGRESS_FREE_COLUMNS: u16 = 3;
/// Lines of `chat` that the arrow keys bring back.
pub const CHAT_HISTORY: usize = 1000;
/// What a step of the demo may wait for something; it takes milliseconds unless something is wrong.
pub const DEMO_TIMEOUT: Duration = Duration::from_secs(10);
