/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What must never go wrong when several proxies share the entities of a service: three pods, two shards with one
 * entity each, two commands. README.md says how to read and to run it; ADR 29 says what it is a model of.
 *
 * Every action is one step, and any process may take the next step. So a pod may be paused between any two of its
 * steps, for as long as the others like, and a message may take as long as it likes.
 */

#define PODS   3
#define SHARDS 2
#define NOBODY 3          /* owner of a free shard */
#define NONE   3          /* the entity is not in memory */

#define LEASE  1          /* ticks of the holder's clock, which may lose one tick in a lease */
#ifndef WAIT
#define WAIT   2          /* ticks of the waiter's clock */
#endif

/* Bounds of a run. */
#ifndef MOST_EVICTIONS
#define MOST_EVICTIONS 1
#endif
#ifndef MOST_MOVES
#define MOST_MOVES 3      /* claims and releases; a release to an heir counts as both */
#endif

/* ---- What the bucket knows. --------------------------------------------------------------------------------- */

bit  member[PODS];        /* the key of the pod's present incarnation is there */
byte gone[PODS];          /* ticks until the lease of its former incarnation is over for certain */
byte evictions, moves;

typedef Entry {
  byte owner;             /* a pod, or NOBODY */
  byte epoch;
  bit  isOld;             /* the owner is an incarnation whose key is gone */
}
Entry entry[SHARDS];

/* ---- What the log knows of the entity of each shard. --------------------------------------------------------- */

typedef Log {
  byte last;              /* position of its last record */
  bit  isForked;          /* a record was stored that does not follow the one before it */
}
Log log[SHARDS];

/* ---- What a pod knows, or believes. -------------------------------------------------------------------------- */

byte lease[PODS];         /* ticks that are left of it on the pod's own clock */
bit  isSlow[PODS];        /* its clock has lost a tick in this lease */

typedef Tenure {
  byte epoch;             /* 0: the pod does not believe that it owns the shard */
  bit  isMoving;          /* intake is stopped: new commands are held */
  byte memory;            /* the entity's state: the position that it shows, or NONE */
}
typedef Pod { Tenure tenure[SHARDS]; }
Pod pod[PODS];

/* ---- Commands. ----------------------------------------------------------------------------------------------- */

mtype = { NEW, ASKED, OPEN, APPENDING, STORED, REFUSED, GATE, ANSWERED, FAILED };
mtype = { READ, WRITE, REPEAT };   /* REPEAT: the first command again, with its idempotency key */

typedef Command {
  mtype state;
  mtype kind;
  byte  shard;
  byte  at;               /* the pod that has it */
  byte  epoch;            /* of the tenure in which it began */
  byte  version;          /* the position that its answer shows */
  byte  floor;            /* the newest version that anybody had been shown when it was asked */
  bit   hasStored;        /* its record is in the log since it began */
  bit   isAnswered;
}
Command command[2];

byte shown[SHARDS];       /* the newest version in any answer */
byte keptReply;           /* position of the record with the key of the first command; 0: none */

#define T(p, s)   pod[p].tenure[s]
#define C         command[c]
#define OWN       T(C.at, C.shard)
#define OTHER     command[1 - c]

#ifdef NO_EPOCH
#define isSameTenure   (OWN.epoch != 0)
#else
#define isSameTenure   (OWN.epoch == C.epoch)
#endif

#ifdef NO_I8
#define isLeaseValid(p)   true
#else
#define isLeaseValid(p)   (lease[p] > 0)
#endif

#define isOpen(c, p, s)   (command[c].at == p && command[c].shard == s && command[c].state != NEW && \
                           command[c].state != ASKED && command[c].state != ANSWERED && command[c].state != FAILED)
#define isBusy(p, s)      (isOpen(0, p, s) || isOpen(1, p, s))

/* ---- Membership: membership.ts, peer.ts ----------------------------------------------------------------------- */

/* A renewal is a conditional write. The lease counts from its sending; that it is stored and acknowledged at once is
   the worst case, because any delay only shortens the lease. */
inline renew(p) {
  lease[p] = LEASE; isSlow[p] = 0
}

/* The renewal was refused: the pod drops what it has, and joins as another incarnation. */
inline fence(p) {
  printf("pod %d is fenced: it drops what it has, and joins again\n", p);
  T(p, 0).epoch = 0; T(p, 0).isMoving = 0; T(p, 0).memory = NONE;
  T(p, 1).epoch = 0; T(p, 1).isMoving = 0; T(p, 1).memory = NONE;
  member[p] = 1; lease[p] = 0; isSlow[p] = 0
}

/* Another pod deletes the key, or the server drops it. */
inline evict(p) {
  printf("pod %d is evicted: its key is deleted\n", p);
  member[p] = 0; gone[p] = WAIT; evictions++;
  if :: entry[0].owner == p -> entry[0].isOld = 1 :: else fi;
  if :: entry[1].owner == p -> entry[1].isOld = 1 :: else fi
}

#define isOver(p)     (gone[p] == 0)

/* ---- Owners and handoff: owners.ts, tenure.ts ----------------------------------------------------------------- */

#define mayTake(s)    (entry[s].owner == NOBODY || (entry[s].isOld && isOver(entry[s].owner)))

/* A pod may claim although its own key is gone, because it has not noticed yet. */
inline take(p, s) {
  printf("pod %d takes shard %d, epoch %d\n", p, s, entry[s].epoch + 1);
  moves++;
  entry[s].owner = p; entry[s].epoch++; entry[s].isOld = !member[p];
  T(p, s).epoch = entry[s].epoch
}

inline giveUp(p, s) {
  printf("pod %d gives up shard %d: intake stops\n", p, s);
  T(p, s).isMoving = 1
}

/* A command is open for long: the shard is served again, and given up later. */
inline keep(p, s) {
  printf("pod %d keeps shard %d for a while\n", p, s);
  T(p, s).isMoving = 0
}

/* Conditional: only if the entry is still that of this tenure. The heir is another pod, of which the releasing one may
   know a former incarnation, or NOBODY. */
inline release(p, s, heir, isFormer) {
  printf("pod %d releases shard %d to %d\n", p, s, heir);
  if :: heir == NOBODY -> moves++ :: else -> moves = moves + 2 fi;
  if
  :: entry[s].owner == p && entry[s].epoch == T(p, s).epoch ->
     entry[s].owner = heir; entry[s].epoch++; entry[s].isOld = isFormer
  :: else
  fi;
  T(p, s).epoch = 0; T(p, s).isMoving = 0; T(p, s).memory = NONE
}

/* A pod sees that the bucket names its incarnation, which may be one whose key is gone if it has not noticed yet. */
#define isHeir(p, s)  (entry[s].owner == p && T(p, s).epoch == 0 && (!entry[s].isOld || !member[p]))

inline serve(p, s) {
  printf("pod %d has got shard %d, epoch %d\n", p, s, entry[s].epoch);
  T(p, s).epoch = entry[s].epoch
}

#ifdef NO_HOLD
#define isFinished(p, s)  true
#else
#define isFinished(p, s)  (!isBusy(p, s))
#endif

/* ---- The way of a command: router, entity, log, reply gate ----------------------------------------------------- */

inline ask(c, p, s, k) {
  printf("command %d is asked at pod %d: %e shard %d\n", c, p, k, s);
  C.state = ASKED; C.at = p; C.shard = s; C.kind = k; C.floor = shown[s]
}

/* To any other pod, because views may be old. */
inline forward(c, p) {
  printf("command %d goes on to pod %d\n", c, p);
  C.at = p
}

inline begin(c) {
  printf("command %d begins at pod %d, epoch %d\n", c, C.at, OWN.epoch);
  C.state = OPEN; C.epoch = OWN.epoch; C.hasStored = 0
}

/* A replay that finds a fork fails loudly (I6), so there must be none. */
inline activate(p, s) {
  printf("pod %d reads the entity of shard %d at position %d\n", p, s, log[s].last);
  assert(!log[s].isForked);
  T(p, s).memory = log[s].last
}

inline carryOut(c) {
  if
  :: C.kind == READ -> printf("command %d reads position %d from the memory of pod %d\n", c, OWN.memory, C.at);
     C.version = OWN.memory; C.state = GATE
  :: C.kind != READ && keptReply != 0 && keptReply <= OWN.memory && (c == 0 || C.kind == REPEAT) ->
     C.version = keptReply; C.state = GATE
  :: else ->
     printf("pod %d sends the append of command %d for position %d\n", C.at, c, OWN.memory + 1);
     C.version = OWN.memory + 1; C.state = APPENDING;
#ifdef NO_OUTPUT_GATE
     if :: isLeaseValid(C.at) -> answer(c) :: else fi
#endif
  fi
}

/* The log decides an append when it arrives, whatever has become of the pod that sent it (I3). */
inline append(c) {
#ifdef NO_FENCE
  if :: true ->
#else
  if :: C.version == log[C.shard].last + 1 ->
#endif
     log[C.shard].isForked = log[C.shard].isForked || C.version != log[C.shard].last + 1;
     log[C.shard].last++;
     if :: c == 0 || C.kind == REPEAT -> keptReply = C.version :: else fi;
     printf("command %d is stored at position %d\n", c, log[C.shard].last);
     C.hasStored = 1; C.state = STORED
  :: else ->
     assert(!C.isAnswered);          /* an acknowledged command is in the log */
     printf("the append of command %d is refused\n", c);
     C.state = REFUSED
  fi
}

inline afterAppend(c) {
  if
  :: C.state == STORED ->
     if :: isSameTenure -> OWN.memory = C.version :: else fi;
     if :: C.isAnswered -> forget(c, ANSWERED) :: else -> C.state = GATE fi
  :: else ->
     if :: isSameTenure -> OWN.memory = NONE; C.state = OPEN :: else -> forget(c, ASKED) fi
  fi
}

#define mayReply(c)   (isSameTenure && isLeaseValid(C.at))

/* Linearizable: what is answered is as new as anything that somebody had seen before it was asked for. */
inline answer(c) {
  printf("command %d is answered by pod %d: position %d\n", c, C.at, C.version);
  assert(C.kind != READ  || C.version >= C.floor);
  assert(C.kind != WRITE || C.version > C.floor);
  /* No two commands are acknowledged at one position, and a repeat has the reply of the first. */
  assert(!OTHER.isAnswered || OTHER.shard != C.shard || C.kind == READ || OTHER.kind == READ ||
         (C.version == OTHER.version) == (C.kind == REPEAT || OTHER.kind == REPEAT));
  if :: C.version > shown[C.shard] -> shown[C.shard] = C.version :: else fi;
  C.isAnswered = 1
}

/* Sets what nobody reads any more to one value, so that states that differ in it count once. */
inline forget(c, s) {
  C.state = s; C.epoch = 0; C.hasStored = 0;
  if :: s != ASKED -> C.at = 0; C.floor = 0 :: else -> C.version = 0 fi
}

/* The tenure ended before the answer could leave. What stored nothing begins again at the new owner. */
inline over(c) {
  printf("the tenure of command %d is over: its answer does not leave\n", c);
  if
  :: C.hasStored ->
     assert(evictions > 0);          /* a handoff alone fails no command (I9) */
     forget(c, FAILED)
  :: else -> forget(c, ASKED)
  fi
}

/* ---- Who may do what, and when. ------------------------------------------------------------------------------- */

#define mine(c)     (C.at == me)
#define mayHandOver(s, heir)  (T(me, s).isMoving && isFinished(me, s) && heir != me && moves + 2 <= MOST_MOVES)
#define ownsAny(p)  (T(p, 0).epoch + T(p, 1).epoch > 0)

inline steps(c) {
  if
  :: d_step { mine(c) && C.state == ASKED && OWN.epoch != 0 && !OWN.isMoving && !isBusy(me, C.shard) -> begin(c) }
#ifdef NO_HOLD
  :: d_step { mine(c) && C.state == ASKED && OWN.epoch != 0 && OWN.isMoving && !isBusy(me, C.shard) -> begin(c) }
#endif
  :: atomic { mine(c) && C.state == ASKED && OWN.epoch == 0 ->
       if :: me != 0 -> forward(c, 0) :: me != 1 -> forward(c, 1) :: me != 2 -> forward(c, 2) fi }
  :: d_step { mine(c) && C.state == OPEN && isSameTenure && OWN.memory != NONE -> carryOut(c) }
  :: d_step { mine(c) && (C.state == STORED || C.state == REFUSED) -> afterAppend(c) }
  :: d_step { mine(c) && C.state == GATE && mayReply(c) -> answer(c); forget(c, ANSWERED) }
  :: d_step { mine(c) && (C.state == GATE || C.state == OPEN) && !isSameTenure -> over(c) }
  fi
}

inline shardSteps(s) {
  if
  :: d_step { T(me, s).epoch == 0 && mayTake(s) && moves < MOST_MOVES -> take(me, s) }
  :: d_step { T(me, s).epoch != 0 && T(me, s).memory == NONE -> activate(me, s) }
  :: d_step { T(me, s).epoch != 0 && !T(me, s).isMoving && moves + 2 <= MOST_MOVES -> giveUp(me, s) }
  :: d_step { T(me, s).isMoving && isBusy(me, s) -> keep(me, s) }
  :: d_step { T(me, s).isMoving && isFinished(me, s) -> release(me, s, NOBODY, 0) }
  :: d_step { mayHandOver(s, 0) -> release(me, s, 0, !member[0]) }
  :: d_step { mayHandOver(s, 1) -> release(me, s, 1, !member[1]) }
  :: d_step { mayHandOver(s, 2) -> release(me, s, 2, !member[2]) }
  :: d_step { mayHandOver(s, 0) && gone[0] > 0 -> release(me, s, 0, 1) }
  :: d_step { mayHandOver(s, 1) && gone[1] > 0 -> release(me, s, 1, 1) }
  :: d_step { mayHandOver(s, 2) && gone[2] > 0 -> release(me, s, 2, 1) }
  :: d_step { isHeir(me, s) -> serve(me, s) }
  fi
}

proctype Proxy(byte me) {
end:
  do
  :: steps(0)
  :: steps(1)
  :: shardSteps(0)
  :: shardSteps(1)
  :: d_step { member[me] && ownsAny(me) && (lease[me] < LEASE || isSlow[me]) -> renew(me) }
  :: d_step { !member[me] -> fence(me) }
  od
}

/* The bucket, the log and the callers. */
proctype World() {
end:
  do
  :: d_step { evictions < MOST_EVICTIONS && member[0] -> evict(0) }
  :: d_step { evictions < MOST_EVICTIONS && member[1] -> evict(1) }
  :: d_step { evictions < MOST_EVICTIONS && member[2] -> evict(2) }
  :: d_step { command[0].state == APPENDING -> append(0) }
  :: d_step { command[1].state == APPENDING -> append(1) }
  :: d_step { command[0].state == NEW -> ask(0, 1, 0, WRITE) }
  :: atomic { command[1].state == NEW && command[0].state != NEW ->
       if
       :: ask(1, 1, 0, READ)
       :: ask(1, 1, 0, WRITE)
       :: ask(1, 1, 0, REPEAT)
       :: ask(1, 1, 1, READ)
       :: ask(1, 1, 1, WRITE)
       fi }
  od
}

inline tickOf(p) {
  if :: gone[p] > 0 -> gone[p]-- :: else fi;
  if
  :: lease[p] > 0 -> lease[p]--; isSlow[p] = 0
  :: lease[p] > 0 && !isSlow[p] -> isSlow[p] = 1
  :: lease[p] == 0
  fi
}

proctype Time() {
end:
  do
  :: atomic { lease[0] + lease[1] + lease[2] + gone[0] + gone[1] + gone[2] > 0 ->
       printf("time passes\n"); tickOf(0); tickOf(1); tickOf(2) }
  od
}

init {
  atomic {
    byte p;
    for (p : 0 .. 2) { member[p] = 1; T(p, 0).memory = NONE; T(p, 1).memory = NONE }
    entry[0].owner = 0; entry[0].epoch = 1; T(0, 0).epoch = 1;
    entry[1].owner = 1; entry[1].epoch = 1; T(1, 1).epoch = 1;
    command[0].state = NEW; command[1].state = NEW;
    run Proxy(0); run Proxy(1); run Proxy(2); run World(); run Time()
  }
}
