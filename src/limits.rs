//! Every bound of the program, with its reason. A queue, length, count, depth or wait that is not here has no bound, which
//! is a defect. Sizes are bytes unless the name says otherwise.

use std::time::Duration;

const KIB: usize = 1024;
const MIB: usize = 1024 * KIB;

// Names and files.

/// A namespace, room, client or event name: long enough for a path or a UUID with a prefix, short enough for a table.
pub const NAME_BYTES: usize = 256;
/// The value of `--auth`: a server takes its CONNECT in one frame with everything else.
pub const AUTH_BYTES: usize = 64 * KIB;
/// A session id or offset of another server. The reference implementation's have at most 24 characters.
pub const OFFSET_BYTES: usize = KIB;
/// A token: enough for a JSON Web Token, and small enough to notice the wrong file.
pub const TOKEN_BYTES: usize = 4 * KIB;
/// hub.toml: enough for thousands of namespaces, and small enough to notice the wrong file.
pub const HUB_FILE_BYTES: usize = MIB;
/// config.toml: enough for hundreds of hubs, and small because every command reads it.
pub const CONFIG_FILE_BYTES: usize = 64 * KIB;
/// Mistakes in hub.toml or config.toml that are reported one by one. A file with more of them is probably the wrong file.
pub const DIAGNOSTICS_REPORTED: usize = 100;

// Rooms, sockets and connections.

/// Rooms in one message, `join`, `sub` or `except`: the header stays small compared with the body.
pub const ROOMS_PER_MESSAGE: usize = 64;
/// Rooms that one socket may be in.
pub const ROOMS_PER_SOCKET: usize = 1024;
/// Rooms in one answer of `rooms`, which must fit [`ANSWER_BYTES`].
pub const ROOMS_LISTED: usize = 10_000;
/// Pending queues in one answer of `queue`, which must fit [`ANSWER_BYTES`].
pub const QUEUES_LISTED: usize = 10_000;
/// Sockets in one answer of `who`, which must fit [`ANSWER_BYTES`]: more than anyone reads.
pub const SOCKETS_LISTED: usize = 10_000;
/// Sockets in one answer of `who` whose lag is counted in the log. In a healthy hub no socket lags.
pub const LAGGING_SOCKETS_COUNTED: usize = 64;
/// Records that are counted for all lags of one answer together: a rough number at once is better than an exact one later.
pub const LAG_RECORDS: u64 = 65_536;
/// Sockets in a room up to which joins and leaves are announced. In a larger room nobody reads them, and each would cost a
/// message to everyone.
pub const PRESENCE_ROOM_SOCKETS: usize = 256;
/// Sockets that one verb may notify of joins and leaves, over all its rooms: four rooms of the largest size. Rooms after
/// that get no announcement.
pub const PRESENCE_VISITS: usize = 4 * PRESENCE_ROOM_SOCKETS;
/// Bare names in one answer: more than anyone reads of a shell's completions.
pub const NAMES_LISTED: usize = 1000;
/// How long a shell waits for names from the hub while somebody presses the tab key.
pub const COMPLETION_TIMEOUT: Duration = Duration::from_millis(200);
/// Namespaces that one connection may enter.
pub const NAMESPACES_PER_CONNECTION: usize = 64;
/// Recoverable sessions (`--recovery`), connected or not: each costs about 300 bytes of the database, and as much again
/// for every few rooms. Beyond this, the one that was lost first is dropped.
pub const SESSIONS_REMEMBERED: usize = 100_000;
/// How long messages stay for a client that returns at the last moment, so that it can still read those it missed.
pub const RECOVERY_READ_TIME: Duration = Duration::from_secs(60);
/// A `pid`: ours have 20 characters, so a longer one is not ours.
pub const PID_BYTES: usize = 64;
/// Connections of the hub: each costs a file descriptor and about 12 KiB.
pub const CONNECTIONS: usize = 100_000;
/// File descriptors that the hub needs besides its connections: the database for its writer and readers, listeners, pipes
/// of programs, and pages that it serves.
pub const RESERVED_FILES: usize = 128;

// Messages and frames.

/// One message (`--max-message`): Socket.IO's own default for `maxHttpBufferSize`.
pub const MESSAGE_BYTES: usize = MIB;
/// The highest `--max-message`.
pub const MESSAGE_BYTES_MAX: usize = 64 * MIB;
/// The bytes that `pub` reads from stdin in one `read()`, and so the usual body of a batch. A pipe holds 64 KiB; files
/// come in whole blocks, and beyond 256 KiB a larger block is not faster.
pub const BATCH_BYTES: usize = 256 * KIB;
/// Blocks of stdin that wait for the connection: enough to read ahead while one is sent, and at most a megabyte.
pub const INPUT_BLOCKS: usize = 4;
/// The overhead around the data of one message in a frame: the header of a batch, or the names in an event.
pub const FRAME_OVERHEAD: usize = 64 * KIB;
/// One WebSocket message that a client takes: the largest message with its overhead.
pub const FRAME_BYTES_MAX: usize = MESSAGE_BYTES_MAX + FRAME_OVERHEAD;
/// Packets in one answer to a polling client: python-engineio refuses more.
pub const POLLED_PACKETS: usize = 16;
/// An answer to a polling client is sent at this length, which is also the most that a session gives to any transport
/// at a time.
pub const POLLED_BYTES: usize = WRITE_BUFFER_BYTES;
/// Packets of one polling request that are handled in a row. A request may hold a million, and other sessions need
/// their turn.
pub const POSTED_PACKETS_PER_TURN: usize = 256;
/// The part of an oversized request that is read and dropped. A peer reads the error only after it has sent its
/// request.
pub const OVERSIZED_DRAIN_BYTES: usize = 8 * MIB;
/// The highest `--max-payload` of one long-polling request: the largest frame as base64.
pub const PAYLOAD_BYTES_MAX: usize = FRAME_BYTES_MAX.div_ceil(3) * 4;
/// Attachments of one event: the reference parser's own bound.
pub const ATTACHMENTS: usize = 10;
/// Digits of an ack id: any number with this many digits fits a u64.
pub const ACK_ID_DIGITS: usize = 19;
/// Nesting of JSON that carries attachments, because stock clients walk it recursively.
pub const JSON_DEPTH: usize = 128;
/// Arguments of one event or ack: each costs 16 bytes of memory for two bytes on the wire. JavaScript cannot spread as many
/// into a call, so no stock client reaches it.
pub const ARGUMENTS: usize = 65_536;
/// A time in another server's handshake: the longest that a JavaScript timer can wait, so that the sum of two of them does
/// not overflow a clock.
pub const HANDSHAKE_TIME: Duration = Duration::from_millis(i32::MAX as u64);
/// The name of a producer in an idempotent publish.
pub const PRODUCER_BYTES: usize = 64;

// Credit, queues and buffers.

/// Bytes that a socket may have received and not acked, and that `pub` may have sent without a receipt.
pub const CREDIT_BYTES: usize = 4 * MIB;
/// Events that a stock client with `auth.ack` may have received and not acked.
pub const CREDIT_EVENTS: usize = 1000;
/// How much `sub` writes to stdout before it acks while more is waiting: a quarter of the credit, so that acks flow while it
/// writes.
pub const REPORT_BYTES: usize = MIB;
/// The mailbox of one socket. When it is full, the session reads from the store instead.
pub const MAILBOX_BYTES: usize = 2 * MIB;
/// Bytes that `on` has received and not written yet. At this size it stops reading from the server.
pub const UNWRITTEN_BYTES: usize = CREDIT_BYTES;
/// The least that one entry of a mailbox or queue counts for, so that many small messages are bounded too.
pub const ENTRY_BYTES: usize = 256;
/// Bytes that wait for a commit, over all publishers.
pub const APPEND_QUEUE_BYTES: usize = 16 * MIB;
/// Verbs of one connection without an answer. At this number the session stops reading.
pub const VERBS_IN_FLIGHT: usize = 256;
/// Answers that a peer has not taken. At this size the session stops reading from it, and lists are cut off.
pub const ANSWER_BYTES: usize = 2 * MIB;
/// Batches of `pub` without a receipt: enough to fill every commit, and other verbs of the connection still fit.
pub const BATCHES_IN_FLIGHT: usize = VERBS_IN_FLIGHT / 2;
/// Messages from sessions that wait for the hub.
pub const HUB_INBOX: usize = 1024;
/// One page of catch-up.
pub const PAGE_BYTES: usize = MIB / 2;
/// Records in one page of catch-up.
pub const PAGE_RECORDS: usize = 256;
/// Records that one page examines, owed or not, so that a page without any owed record ends too.
pub const PAGE_LOOKED_AT: usize = 4096;
/// Reads from the store that run at once. Further ones wait.
pub const READERS: usize = 4;
/// Encoded bytes that a session gives to its transport before it waits for the transport.
pub const WRITE_BUFFER_BYTES: usize = 128 * KIB;
/// A payload of at least this length is written without a copy. A shorter one is copied after the frames before it, so
/// that a burst of frames is one write.
pub const INLINE_PAYLOAD_BYTES: usize = 16 * KIB;
/// Answers to WebSocket pings that wait for a peer that takes nothing. Beyond this, only the last one is kept.
pub const PONG_BYTES: usize = KIB;
/// tungstenite's read buffer: every idle connection would pay for its default of 128 KiB.
pub const READ_BUFFER_BYTES: usize = 4 * KIB;
/// A client's read buffer. Touching its pages takes time that a single `pub` notices, and a larger one is not faster.
pub const CLIENT_READ_BUFFER_BYTES: usize = 16 * KIB;
/// Messages of a record up to which its plain events are kept for the next stock subscriber.
pub const SHARED_EVENTS: usize = 64;

// Static files.

/// What one download holds in memory at a time: large enough that the disk is not asked for every page.
pub const FILE_PIECE_BYTES: usize = 64 * KIB;
/// Reads of static files that run at once, so that they do not take all the threads that may wait for a disk.
pub const FILE_READS: usize = 4;

// Connections.

/// Engine.IO's defaults (protocol v4, "Heartbeat").
pub const PING_INTERVAL: Duration = Duration::from_secs(25);
pub const PING_TIMEOUT: Duration = Duration::from_secs(20);
/// How long a connection may stay without entering a namespace: the reference implementation's default.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(45);
/// A ping may be this late because of timers. If it is later, the hub was busy, and the client gets its full timeout.
pub const PING_SLACK: Duration = Duration::from_millis(50);
/// How long an upgrade from polling to WebSocket may take: the reference implementation's `upgradeTimeout`.
pub const UPGRADE_TIMEOUT: Duration = Duration::from_secs(10);
/// How often a poll is answered during an upgrade, so that the client can finish it. The reference implementation uses the
/// same interval.
pub const UPGRADE_RELEASE: Duration = Duration::from_millis(100);
/// A polling client uses two connections, so its disconnect may overtake an earlier request by this much.
pub const CROSSED_REQUEST_WAIT: Duration = Duration::from_millis(100);
/// How long a browser may cache the answer to a preflight request.
pub const PREFLIGHT_MAX_AGE: Duration = Duration::from_secs(600);
/// How long the head of a request may take.
pub const HTTP_HEAD_TIMEOUT: Duration = Duration::from_secs(10);
/// The longest wait for one batch in a namespace with a rate. TCP gives up on a dead peer after about as long; with a longer
/// wait, dead connections would stay.
pub const RATE_WAIT_MAX: Duration = Duration::from_secs(15 * 60);
/// The pause after a failed accept: a hub without free file descriptors must not spin.
pub const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// How often the hub logs that something is full: peers try again and again.
pub const REFUSAL_LOG_INTERVAL: Duration = Duration::from_secs(10);
/// How long a session may take to disconnect. A peer that does not read by then loses the reason.
pub const DRAIN_TIMEOUT: Duration = Duration::from_secs(2);

// Programs of namespaces (`handler`).

/// Calls that wait for a program to read them. At this size a call is refused as busy.
pub const HANDLER_QUEUE_BYTES: usize = 4 * MIB;
/// Disconnects that wait for a program to read them, besides calls. They concern sockets that it admitted: a program
/// that was slow for a while must still learn that they are gone.
pub const HANDLER_DISCONNECTS: usize = 65_536;
/// Calls of a program without an answer.
pub const HANDLER_CALLS_IN_FLIGHT: usize = 4096;
/// How long a program may take to answer.
pub const HANDLER_ANSWER_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a program's next line waits until the socket that the program has just admitted is connected. Usually that
/// takes a moment, unless the disk is slow.
pub const HANDLER_ENTRY_TIMEOUT: Duration = Duration::from_secs(5);
/// The pause before a program starts again. It doubles each time, and is reset after a run longer than the maximum.
pub const HANDLER_RESTART_MIN: Duration = Duration::from_millis(100);
pub const HANDLER_RESTART_MAX: Duration = Duration::from_secs(5);
/// How long a program may run after its stdin was closed or it closed its stdout, before it is killed; and how long its
/// pipes are read after it ended. No longer than a session may take to disconnect.
pub const HANDLER_STOP_TIMEOUT: Duration = DRAIN_TIMEOUT;
/// A line of a program's stderr in the log.
pub const HANDLER_STDERR_BYTES: usize = 4 * KIB;
/// Lines about one program in the log per second: enough for a traceback, but a loop does not fill the disk.
pub const HANDLER_LOG_LINES: u32 = 100;
/// Disconnected sockets whose sids are remembered. A message from a program to one of them is dropped, instead of
/// stored in a room of that name.
pub const HANDLER_DISCONNECTED_SIDS: usize = 4096;

// The store.

/// How long a cursor move waits for another commit.
pub const ACK_DELAY: Duration = Duration::from_millis(100);
/// How long a producer's last number is remembered, and so the highest `--retry-for`.
pub const PRODUCER_TTL: Duration = Duration::from_secs(24 * 3600);
/// Records that one step of pruning examines: a step delays the next commit.
pub const PRUNE_RECORDS: usize = 256;
/// How often the store examines all producers.
pub const PRODUCER_SWEEP: Duration = Duration::from_secs(600);
/// How often an idle store prunes.
pub const PRUNE_INTERVAL: Duration = Duration::from_secs(1);
/// The bytes that one transaction appends: 16 usual batches, so that the first of them gets its receipt after about 10
/// ms.
pub const GROUP_BYTES: usize = 4 * MIB;
/// Ops in one transaction: with this many, the cost of fsync per line is negligible, and the transaction takes less
/// than 20 ms.
pub const GROUP_OPS: usize = 2048;
/// Delayed publishes (a batch counts once): more than one a second for a day. The writer counts them at its start and after
/// a commit that the disk refused, which takes less than 100 ms.
pub const DELAYED_RECORDS: usize = 100_000;
/// The size of delayed publishes, which counts towards `--keep-pending`: a tenth of its default.
pub const DELAYED_BYTES: usize = 1024 * MIB;
/// The divisor for the part of a smaller `--keep-pending` that delayed publishes may take: messages that wait for a
/// year must leave space for members.
pub const DELAYED_SHARE: u64 = 4;
/// How far ahead a publish may be delayed: a year, whatever day it begins.
pub const DELAY_MAX: Duration = Duration::from_secs(366 * 24 * 3600);
/// Due records that the hub has not fanned out yet. A hub that starts after a day may have a day's worth of them at once.
pub const DUE_QUEUE_BYTES: usize = 2 * GROUP_BYTES;
/// The pause when that queue is full.
pub const DUE_PAUSE: Duration = Duration::from_millis(50);
/// The pause when the disk has no space for due records.
pub const DUE_RETRY: Duration = Duration::from_secs(1);
/// The overhead of a record beside its body, where bytes of the log are bounded: rows, indexes and names.
pub const RECORD_OVERHEAD: usize = 256;
/// How long the largest pending queue is remembered while publishes are refused: finding it visits every membership.
pub const LARGEST_PENDING_TTL: Duration = Duration::from_secs(1);

/// SQLite's page. Measured: 16 KiB commits bodies of 256 KiB twice as fast as 4 KiB does, and single lines as fast.
pub const DB_PAGE_BYTES: usize = 16 * KIB;
/// The page cache of the writer's connection. A larger transaction spills into the write-ahead log.
pub const DB_WRITER_CACHE_BYTES: usize = 8 * MIB;
/// The page cache of a reader's connection, which reads a page of catch-up only once.
pub const DB_READER_CACHE_BYTES: usize = MIB;
/// The length at which the write-ahead log is moved into the database. Half of it doubles the time that checkpoints take,
/// and twice of it gains nothing.
pub const WAL_BYTES: usize = 32 * MIB;
/// The length that the write-ahead log has from the start, and that small commits stay within.
pub const WAL_BYTES_MIN: usize = 4 * MIB;
/// What a commit of a few lines adds to the write-ahead log: a page each of the log, the indexes and the producers.
pub const SMALL_COMMIT_BYTES: usize = 128 * KIB;
/// The length at which the writer waits for readers that keep the write-ahead log from being reused.
pub const WAL_BYTES_MAX: usize = 4 * WAL_BYTES;
/// How long it waits for them. A read of ours is one page.
pub const WAL_RESTART_WAIT: Duration = Duration::from_millis(50);
/// How long a commit waits for another program that holds the database's write lock.
pub const DB_BUSY_WAIT: Duration = Duration::from_secs(2);
/// Rooms whose rows the writer remembers. Beyond this it looks them up again.
pub const ROOMS_REMEMBERED: usize = 16 * 1024;
/// Index entries that a merging reader holds at once, shared by its rooms.
pub const MERGE_CHUNK: usize = 256;
/// The minimum for each room.
pub const MERGE_CHUNK_MIN: usize = 8;
/// Bodies up to this size are read with their header. Longer ones are read only when they are owed and fit the page.
pub const INLINE_BODY_BYTES: usize = 4 * KIB;

// Shared queues.

/// A text of `--format`: a screenful, because every message is formatted with it.
pub const FORMAT_BYTES: usize = 4 * KIB;
/// Sharers of one queue: handing out a piece looks at each of them.
pub const SHARERS: usize = 1024;
/// Messages that a sharer holds without an ack, by default: enough that it never waits for the next ones, and few enough
/// that it does not hoard.
pub const SHARE_WINDOW: u32 = 512;
/// The largest window that a sharer may ask for.
pub const SHARE_WINDOW_MAX: u32 = 65_536;
/// The same in bytes: a usual batch. Also bounds the bytes that wait for a sharer's transport, acked or not.
pub const SHARE_WINDOW_BYTES: usize = BATCH_BYTES;
/// The number of parts in which a window is refilled, so that batches are not split into tiny pieces.
pub const SHARE_REFILLS: u32 = 8;
/// Messages from the oldest unfinished one on that may be handed out. At most this many are sent twice after a restart,
/// a takeover, a kick, or when the last sharer leaves.
pub const SHARE_AHEAD: u64 = 100_000;
/// Records of a shared queue in memory, kept so that another sharer can get the messages that one does not confirm.
/// Beyond this, a record is read only for a sharer that has nothing.
pub const SHARE_BYTES: usize = 2 * CREDIT_BYTES;
/// Beyond this, no record is read at all. A few sharers can each hold a message of the largest size.
pub const SHARE_BYTES_MAX: usize = 16 * CREDIT_BYTES;
/// A piece keeps its record in memory if the record is at most this many times as long. A piece of a longer record is
/// copied.
pub const SHARE_COPY_FACTOR: usize = 4;
/// Messages between two indexed offsets of a shared record. The index makes it unnecessary to walk the whole body to
/// find a piece.
pub const SHARE_INDEX_INTERVAL: u32 = 64;
/// How long a sharer may hold a message, by default.
pub const ACK_TIMEOUT: Duration = Duration::from_secs(30);
/// The longest ack timeout that a sharer may ask for.
pub const ACK_TIMEOUT_MAX: Duration = Duration::from_secs(24 * 3600);

// `sub --exec`.

/// Commands that run at once (`--jobs`): each is a process and two pipes.
pub const EXEC_JOBS: u64 = 256;
/// The stdin of a command up to this size is written before it starts: every pipe takes a page.
pub const EXEC_PREWRITTEN_STDIN: usize = 4 * KIB;
/// The highest number of retries: with waits of up to [`RECONNECT_MAX`], more than an hour of them.
pub const EXEC_RETRIES: u32 = 1000;
/// Messages that are taken ahead of the oldest unfinished one.
pub const EXEC_AHEAD: usize = 1024;
/// Messages whose command may fail to start before the command itself is taken to be broken. A single message may be
/// the reason, so a few others are tried.
pub const EXEC_STARTUP_FAILURES: usize = 4;
/// Output of a command that is held back while others run. Beyond this it is written, and the others wait for the
/// command to end.
pub const EXEC_BUFFERED_OUTPUT: usize = 256 * KIB;
/// How long running commands may go on after a signal or `--timeout`, before they are killed.
pub const EXEC_FINISH_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a command's stdout is read after it ended: a child of it may keep the pipe open for ever.
pub const EXEC_OUTPUT_TIMEOUT: Duration = Duration::from_secs(2);

// Streams.

/// The names and numbers before the bytes of a stream's piece. A piece is smaller than a message by this much.
pub const STREAM_HEAD_BYTES: usize = 512;
/// The capacity of the pipe that feeds a stream, where the system allows it (1 MiB by default): four pieces, so that its two
/// ends need not take turns.
pub const STREAM_PIPE_BYTES: usize = MIB;
/// The id of a stream: ours have 32 characters, so a longer one is not an id.
pub const STREAM_ID_BYTES: usize = 64;
/// Characters shown of a publisher's reason for ending a stream early.
pub const STREAM_REASON: usize = 200;
/// How often a reader asks whether a silent publisher is still there. It may only be slow.
pub const STREAM_CHECK_INTERVAL: Duration = Duration::from_secs(3);
/// How long a publisher may be gone before its stream is cut off (`--stall`). It reconnects within [`RECONNECT_MAX`] once
/// the hub is there.
pub const STREAM_STALL: Duration = Duration::from_secs(30);

// Clients.

/// Answers that one `request` waits for.
pub const REPLIES: u64 = 1_000_000;
/// How long `request` waits for answers, by default.
pub const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);
/// The wait before reconnecting. It doubles each time, with jitter.
pub const RECONNECT_MIN: Duration = Duration::from_millis(100);
pub const RECONNECT_MAX: Duration = Duration::from_secs(5);
/// A connection attempt with its handshakes.
pub const DIAL_TIMEOUT: Duration = Duration::from_secs(10);
/// The bytes that a server may send of a recovered session before its reply says that the session is recovered.
pub const RECOVERED_BYTES: usize = FRAME_BYTES_MAX;
/// How long `emit` waits for the server to confirm that it has read the event.
pub const SETTLE_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a plain client waits for the server to close the connection. Closing it earlier may reset it, and lose data
/// that the server has not read.
pub const HANG_UP_TIMEOUT: Duration = Duration::from_secs(1);
/// Characters that `--trace` shows of one part of a frame: two lines of a terminal.
pub const TRACED_CHARACTERS: usize = 160;
/// Bytes that `--trace` shows of a binary frame.
pub const TRACED_BYTES: usize = 16;
/// Secrets of a connection that `--trace` masks in later frames.
pub const TRACED_SECRETS: usize = 16;
/// How long `pub -f FILE` tries to reach a lost hub. For a pipe there is no limit.
pub const RETRY_FOR_FILE: Duration = Duration::from_secs(30);
/// How long `sub` waits for the answer to its last ack before it says that the hub may send those messages again.
pub const LAST_ACK_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a client may write and ack received messages, after a signal or `--timeout`.
pub const FINISH_TIMEOUT: Duration = Duration::from_secs(1);
/// How long a client takes to disconnect: a courtesy, because everything was confirmed before.
pub const CLOSE_TIMEOUT: Duration = Duration::from_millis(200);

// The terminal.

/// Progress is shown only for operations that take longer than this. For shorter ones it would only flicker.
pub const PROGRESS_DELAY: Duration = Duration::from_millis(300);
/// The shortest `--watch`: a shorter interval is faster than the eye and only keeps the hub busy.
pub const WATCH_INTERVAL_MIN: Duration = Duration::from_millis(100);
/// How often `--watch` updates the seconds that it shows, and checks whether anyone still reads its output.
pub const WATCH_TICK: Duration = Duration::from_secs(1);
/// How long `--watch` waits at its end for the terminal to clear the lines below the table. A stopped terminal never
/// does.
pub const WATCH_CLEANUP_TIMEOUT: Duration = Duration::from_millis(200);
/// How long an answer may take before `--watch` says that it is waiting. Without that note an old table looks like a
/// current one.
pub const WATCH_WAITING_AFTER: Duration = Duration::from_secs(2);
/// Columns that a name keeps in a table on the narrowest terminal: a beginning and an end that tell it from others.
pub const NAME_COLUMNS: usize = 8;
/// How often progress is drawn: often enough for the eye.
pub const PROGRESS_INTERVAL: Duration = Duration::from_millis(100);
/// Columns that progress leaves free at the end of the line. A terminal echoes Ctrl-C in two columns, and a line that wraps
/// would stay on the screen.
pub const PROGRESS_FREE_COLUMNS: u16 = 3;
/// Lines of `chat` that the arrow keys bring back.
pub const CHAT_HISTORY: usize = 1000;
/// How long a step of the demo waits for something that usually takes milliseconds.
pub const DEMO_TIMEOUT: Duration = Duration::from_secs(10);
