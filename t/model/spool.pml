/*
 * spool.pml - the spool's protocol (docs/spool.md, same names of steps) in Promela. Here every completed call survives, so it shows what
 * the death of processes can do; spool-power.pml includes this file and lets a disk forget what was not synced.
 *
 * The line:    edge -> q -> two filters -> q1 -> next filter -> r      (q2 and r are ends)
 *                                       -> q2
 * A record is a bit. A filter makes of each record one for q1 and one for q2; it may defer some (DEFERS), find no space (NOSPC), die on
 * record 1 (POISON). Any process may be killed before any step, KILLS times in all, and is started again; filter 1 perhaps never: then
 * filter 0 has to recover its slot.
 *
 * scripts/model runs what t/model/runs lists; scripts/model -q a part of it with every test run. By hand:
 *   spin -a FLAGS spool.pml && gcc -O2 -w -DSAFETY -DCOLLAPSE -DVECTORSZ=2048 -DMEMLIM=4000 -o pan pan.c && ./pan -m400000 -n
 * "errors: 0" = every property below holds. Endless runs: -DNP in place of -DSAFETY, and ./pan -m400000 -n -l.
 *
 *   NREC records, NW filters on q (1 or 2), KILLS, DEFERS, NOSPC: how many, how often; NI: files there may be (even)
 *   JOIN: a transaction may take two batches. PREFILL: no edge, the batches lie in q/new. NO_NEXT: q1 is an end.
 *   EDGE2: the edge uses the open form. READY: the ready form. STRICT: no A4. NO_FAST: never the single form. POISON, STATE, BLOB: the rules for these.
 *   QUICK (with STATE): the quick form whenever it may be; filters write to q1 alone.
 *   DESIGN: the scheme that was given up (parts in the queues' tmp/, no fsync of the slot), with D_SYNC1, D_SYNC2: it fails.
 *   NO_...: leaves one step out, and fails.
 *
 * Properties, as assertions:
 *   NO DUPLICATE    a record is in one file of an end, and not in an end and in fail/
 *   NO TORN FILE    nobody reads a file whose octets are not all there
 *   NO LOSS         when nothing moves any more, an answered record is in both ends, or in fail/
 *   BOTH OR NONE    and one that was not answered is in both or in none
 *   NO LITTER       and no file is anywhere else
 *   COMPLETION      and every run comes to that point
 *   STATE ONCE      the state store counts each record that went out, once
 *   BLOB            a batch that is read has its link, and in the end exactly the ends have theirs
 */
#ifndef NREC
#define NREC 2
#endif
#ifndef NW
#define NW 2
#endif
#ifndef KILLS
#define KILLS 1
#endif
#ifndef LOSSES
#define LOSSES 0
#endif
#ifndef DEFERS
#define DEFERS 0
#endif
#ifndef NOSPC
#define NOSPC 0
#endif
#ifndef NI
#define NI 10			/* even */
#endif
#ifdef POISON
#define BAD 2			/* record 1 kills whoever runs it */
#else
#define BAD 0
#endif

/* ======== the file system ======== */
/* A place is a directory and, in a slot, the role that the name gives. */
#define NONE	0
#define TMP	1		/* q/tmp */
#define NEW	2		/* q/new */
#define DEF	3		/* q/defer */
#define FAIL	4		/* q/fail */
#define Q1	5		/* q1/new: read by the next filter */
#define Q2	6		/* q2/new: an end */
#ifdef NO_NEXT
#define R	Q1		/* q1/new is an end */
#else
#define R	7		/* r/new: an end, behind q1 */
#endif
#define IN(s)	(8+(s)*4)	/* slot s:  T,i,B  a claimed batch */
#define OUT(s)	(9+(s)*4)	/*          T,o,.. a part */
#define OK(s)	(10+(s)*4)	/*          T,c    the mark: T is committed */
#define ONE(s)	(11+(s)*4)	/*          T,s,.. the mark of the single form */
#define T1	20		/* q1/tmp and q2/tmp: the first scheme only */
#define T2	21
#define RDY	22		/* slot 0: T,r    the spare; here T is its number */
#define NPL	23
#define SLOT(s)	(8+(s))
#define DIR(p)	((p)==RDY -> 8 : ((p)<8 || (p)>=T1 -> (p) : 8+((p)-8)/4))
#define CODE(p,t) ((p)*16+(t))	/* a name: place and, in a slot, T = the file that leads */
#define P(c)	((c)>>4)
#define T(c)	((c)&15)

short cur[NI];			/* the name of file i now; 0: it has none */
byte cnt[NPL];			/* how many files are at a place (follows from cur) */
byte mask[NI];			/* its records */
byte dst[NI];			/* the destination that its name in the slot gives */
bit good[NI];			/* its octets are all there */
bit fsy[NI];			/* and fsynced */
byte lock[3];			/* flock of slot s: 1 + holder */
byte elk;			/* flock on a file in tmp/: 1 + file */
byte swp[2];			/* the file that a sweeper has in hand: its number is not used again */
bit dead[4];			/* killed and not yet started again: filters 0 1, next filter 2, edge 3 */
byte next, acked;		/* records taken; records answered */
byte kills = KILLS, losses = LOSSES, defers = DEFERS, nospc = NOSPC;
hidden byte zi, zk, zn, zx, zy;

#ifdef POISON
byte prog[3];			/* slot page: the record in the step function */
byte cc[NI];			/* the kills in the name */
#endif
#ifdef BLOB
bit bl[NI]; bit blu[NI];	/* blob link of batch i; changed since the last fsync(blob/) */
#endif
#ifdef STATE
short applied; byte dbT = NI; byte counted;	/* the database: last inputs, their leader, state */
#ifdef QUICK
short rdC; byte rdM;		/* and of the quick form: name of the spare, its records */
byte gen; bit settled;		/* spares so far; the slot was synced since the last transaction */
#endif
#endif
#ifdef POWER
#define HL 7
short h[NI*HL]; byte hn[NI];	/* names of file i that may come back, oldest first */
byte rp[NI];			/* 1 + the file that i replaced by a rename that may be lost */
byte want[NI]; bit done[NI]; byte pi; byte pk;
#define FREE(i) (cur[i]==0 && hn[i]==0)
#else
#ifdef JORDER
byte jx; short jc[NI]; byte jm[NI]; byte jd[NI]; bit jg[NI]; bit jy[NI]; bit jv;
#endif
#define FREE(i) (cur[i]==0)
#endif

inline clear(i) {
	mask[i]=0; dst[i]=0; good[i]=0; fsy[i]=0;
#ifdef POISON
	cc[i]=0;
#endif
#ifdef STATE
	applied = applied & ~(1<<(i)); if :: dbT==(i) -> dbT=NI :: else fi;
#endif
	skip
}
inline move(i, c) {		/* rename, unlink */
#ifdef POWER
	assert(hn[i] < HL); h[(i)*HL+hn[i]] = cur[i]; hn[i]++;
#endif
	cnt[P(cur[i])]--; cur[i] = c; cnt[P(cur[i])]++;
	if :: P(cur[i])==R || P(cur[i])==Q2 || P(cur[i])==FAIL ->
		zi=0;		/* NO DUPLICATE */
		do :: zi<NI -> assert(zi==(i) || P(cur[zi])!=P(cur[i]) || (mask[zi]&mask[i])==0); zi++
		   :: else -> break od
	   :: else fi;
#ifndef POWER
	if :: cur[i]==0 -> clear(i) :: else fi;
#endif
	zi=0
}
inline replace(p, x) {		/* rename p onto the name of x: one operation, two files */
#ifdef POWER
	assert(hn[p]==0 && rp[p]==0);
	h[(p)*HL] = cur[p]; hn[p]=1; rp[p]=(x)+1;
	assert(hn[x] < HL); h[(x)*HL+hn[x]] = cur[x]; hn[x]++;
#endif
	cnt[P(cur[p])]--; cnt[0]++; cur[p]=cur[x]; cur[x]=0;
#ifndef POWER
	clear(x);
#endif
	skip
}
inline find(x, p) { x=0; do :: x<NI && P(cur[x])!=(p) -> x++ :: else -> break od; skip }
inline findt(x, p, t) { x=0; do :: x<NI && cur[x]!=CODE(p,t) -> x++ :: else -> break od; skip }
inline create(f, c, m, d) {	/* open O_CREAT and write */
	zi=0;
	do :: zi<NI && !(FREE(zi) && swp[0]!=zi+1 && swp[1]!=zi+1 && elk!=zi+1
#ifdef BLOB
		&& bl[zi]==0 && blu[zi]==0
#endif
		) -> zi++ :: else -> break od;
	assert(zi<NI);		/* NI is large enough */
	f=zi;
#ifdef POWER
	h[f*HL]=0; hn[f]=1;
#endif
	cnt[0]--; cur[f]=c; cnt[P(cur[f])]++;
	mask[f]=m; dst[f]=d; good[f]=1; fsy[f]=0; zi=0
}
#ifdef POWER
inline trim(i, k) {		/* the first k operations on i are durable */
	zx=0;
	do :: zx+(k) < hn[i] -> h[(i)*HL+zx] = h[(i)*HL+zx+(k)]; zx++ :: else -> break od;
	do :: zx < hn[i] -> h[(i)*HL+zx]=0; zx++ :: else -> break od;
	hn[i] = hn[i]-(k);
	zy = i;			/* so is the end of what it replaced, and of what that replaced */
	do :: rp[zy]!=0 -> zx = rp[zy]-1; rp[zy]=0; zy = zx;
		do :: hn[zy]>0 -> hn[zy]--; h[zy*HL+hn[zy]]=0 :: else -> break od
	   :: else -> break od
}
inline syncdir(d) {		/* A3: every operation with a name in d, and what it rests on */
	zi=0;
	do :: zi<NI ->
		zk=hn[zi];
		do :: zk>0 -> zn = (zk==hn[zi] -> P(cur[zi]) : P(h[zi*HL+zk]));
			if :: DIR(P(h[zi*HL+zk-1]))==(d) || DIR(zn)==(d) -> break :: else -> zk-- fi
		   :: else -> break od;
		if :: zk>0 -> trim(zi, zk) :: else fi;
		zi++
	   :: else -> break od;
	zi=0;
	do :: zi<NI -> if :: FREE(zi) -> clear(zi) :: else fi; zi++ :: else -> break od;
	zi=0
}
inline fsync(i) {		/* A4: the octets and the name under which it was made */
	fsy[i]=1;
#ifndef NO_A4
	if :: hn[i]>0 && h[(i)*HL]==0 -> trim(i, 1) :: else fi;
#endif
	zx=0; zy=0
}
#define FSYNCD(i)	fsync(i)
#define FSYNC(i)	d_step { fsync(i) };
#define FDATASYNC(i)	d_step { fsy[i]=1 };	/* its octets, no name */
#define SYNC(d)		d_step { syncdir(d) };
#define SYNC_BLOB	d_step { zi=0; do :: zi<NI -> blu[zi]=0; zi++ :: else -> break od; zi=0 };
#else
#ifdef JORDER
#define FSYNCD(i)	jnone(); fsy[i]=1
#define FSYNC(i)	d_step { jnone(); fsy[i]=1 };
#define FDATASYNC(i)	d_step { fsy[i]=1; if :: jv -> jm[i]=mask[i]; jg[i]=1; jy[i]=1 :: else fi };
#define SYNC(d)		d_step { jnone() };
inline jnone() {
	jv=0; zi=0;
	do :: zi<NI -> jc[zi]=0; jm[zi]=0; jd[zi]=0; jg[zi]=0; jy[zi]=0; zi++ :: else -> break od; zi=0
}
inline jsnap() {
	jv=1; zi=0;
	do :: zi<NI -> jc[zi]=cur[zi]; jm[zi]=mask[zi]; jd[zi]=dst[zi]; jg[zi]=good[zi]; jy[zi]=fsy[zi]; zi++
	   :: else -> break od; zi=0
}
inline jback() {
	zi=0;
	do :: zi<NI -> cnt[P(cur[zi])]--; cur[zi]=jc[zi]; cnt[P(cur[zi])]++;
		mask[zi]=jm[zi]; dst[zi]=jd[zi]; good[zi]=jg[zi]; fsy[zi]=jy[zi]; zi++
	   :: else -> break od; zi=0
}
#else
#define FSYNCD(i)	skip
#define FSYNC(i)
#define FDATASYNC(i)
#define SYNC(d)
#endif
#define SYNC_BLOB
#endif

/* ======== the programs ======== */
#ifdef EDGE2
#define SEALED(x) (0)
#else
#define SEALED(x) (good[x])	/* length and checksum in the name agree */
#endif
#if defined(STRICT) || defined(STATE)
#define ALWAYS_S0 (1)
#else
#define ALWAYS_S0 (0)
#endif
#if defined(STRICT) || defined(STATE) || defined(BLOB) || defined(NO_FAST)
#define FAST (0)
#else
#define FAST (1)
#endif
#define BUSY(s) (cnt[IN(s)]+cnt[OUT(s)]+cnt[OK(s)]+cnt[ONE(s)] > 0)
#ifdef STATE
#define UNFINISHED(s) (BUSY(s) || dbT<NI)
#else
#define UNFINISHED(s) BUSY(s)
#endif
#ifdef POISON
#define CLEAN(i) (cc[i]==0)	/* no kills in its name: may be joined with others */
#else
#define CLEAN(i) (1)
#endif
#define WAITING(m) ((m)<2 && cnt[NEW]+cnt[DEF]>0 || (m)==2 && cnt[Q1]>0)
#define ISIN(m,i) ((m)<2 && (P(cur[i])==NEW || P(cur[i])==DEF) || (m)==2 && P(cur[i])==Q1)
#define KILL(v) dead[v]=1; \
	if :: (v)==0 -> swp[0]=0 :: (v)==1 -> swp[1]=0 :: else fi; \
	if :: lock[0]==(v)+1 -> lock[0]=0 :: else fi; \
	if :: lock[1]==(v)+1 -> lock[1]=0 :: else fi; \
	if :: lock[2]==(v)+1 -> lock[2]=0 :: else fi; \
	if :: (v)==3 -> elk=0 :: else fi

inline part(d, m) {		/* W1 W2 (W3) */
	d_step { create(x, CODE(OUT(me),L), m, d); np++ };
#if (defined(POWER) || defined(JORDER)) && !defined(BLOB)
	if :: SYNC(SLOT(me)) skip :: true fi;	/* G1 runs beside W2 and may be done before it */
#endif
#ifndef NO_DSYNC
	FSYNC(x)
#endif
#ifdef BLOB
	d_step { bl[x]=1; blu[x]=1 };
#endif
	x=0
}

#ifdef QUICK
inline q2() {			/* Q2 */
	d_step {
		assert((counted & C)==0);			/* STATE ONCE */
		counted = counted | C; applied = 1<<L; dbT=L; rdC=cur[x]; rdM=C
	}
}
#endif

proctype Worker(byte me) {	/* a filter: 0 and 1 read q, 2 reads q1 */
	byte r, L, L2, x, y, C, D, np;
restart:
	atomic { r=0; L=NI; L2=NI; x=0; y=0; C=0; D=0; np=0 };
	{
	d_step { lock[me]==0 -> lock[me]=me+1; r=me };
end:
	do
	/* recover slot r: its own at start, its own to roll back, a dead sibling's */
	:: r<9 ->
#ifdef QUICK
		settled=0;
#ifndef NO_FIND
		if				/* its input waits again */
		:: d_step { rdC!=0 && dbT<NI && P(cur[dbT])==TMP && elk!=dbT+1 && SEALED(dbT) -> FSYNCD(dbT); move(dbT, CODE(NEW,0)) }
		:: else
		fi;
		if
		:: d_step { rdC!=0 && dbT<NI && (P(cur[dbT])==NEW || P(cur[dbT])==DEF) -> move(dbT, CODE(OK(0),dbT)) }
		:: else
		fi;
#endif
#endif
#ifndef NO_R1
		SYNC(SLOT(r))							/* R1, also if it looks empty */
#endif
#ifdef QUICK
#ifndef NO_REDO
		atomic { x=0; do :: x<NI && (rdC==0 || cur[x]!=rdC) -> x++ :: else -> break od };
		if
		:: x<NI ->
			d_step { mask[x]=rdM; good[x]=1; fsy[x]=0 };
			FSYNC(x)
			d_step { move(x, CODE(Q1,0)) }
		:: else
		fi;
#endif
		if :: d_step { cnt[RDY]>0 -> find(x, RDY); move(x, 0) } :: else fi;	/* R5 */
		x=0;
#endif
		if
		:: UNFINISHED(r) ->
#ifdef STATE
			if
			:: d_step { dbT<NI && P(cur[dbT])==IN(r) -> move(dbT, CODE(OK(r),dbT)) }	/* R2 */
			:: else
			fi;
#endif
			do
			:: d_step { cnt[OK(r)]>0 -> find(x, OK(r)); findt(y, OUT(r), T(cur[x])) };	/* R3 */
				do
				:: d_step { y<NI -> move(y, CODE(dst[y],0)); findt(y, OUT(r), T(cur[x])) }
				:: else -> break
				od;
#ifdef BLOB
				atomic { if :: bl[x] -> bl[x]=0; blu[x]=1 :: else fi };
				SYNC_BLOB
#endif
				atomic { findt(y, IN(r), T(cur[x])) };
				do
				:: d_step { y<NI -> move(y, 0); findt(y, IN(r), T(cur[x])) }
				:: else -> break
				od;
#ifndef NO_R3
				skip;
				SYNC(SLOT(r))
#endif
				atomic { move(x, 0) }
			:: d_step { cnt[OK(r)]==0 && cnt[ONE(r)]>0 ->		/* R4 */
				find(x, ONE(r)); findt(y, OUT(r), T(cur[x])) };
				if :: d_step { y<NI -> replace(y, x); x=y } :: else fi;
				d_step { move(x, CODE(dst[x],0)) }
			:: else -> break
			od;
			do
			:: cnt[OUT(r)]>0 ->					/* R5 */
#ifdef BLOB
				d_step { find(y, OUT(r)); if :: bl[y] -> bl[y]=0; blu[y]=1 :: else fi };
				SYNC_BLOB
#endif
				d_step { find(y, OUT(r)); move(y, 0) }
			:: d_step { cnt[OUT(r)]==0 && cnt[IN(r)]>0 -> find(y, IN(r));	/* R6 */
#ifdef POISON
				if :: prog[r]!=0 && (mask[y]&prog[r])!=0 -> cc[y]++ :: else fi;
#endif
				move(y, CODE((r<2 -> NEW : Q1),0)) }
			:: else -> break
			od;
			skip;
#ifndef NO_R7
			SYNC(SLOT(r))						/* R7 */
#endif
			skip
		:: else
		fi;
		atomic { if :: r!=me -> lock[r]=0 :: else fi;
#ifdef POISON
			prog[r]=0;
#endif
			r=9; L=NI; L2=NI; x=0; y=0; C=0; D=0; np=0 }

	:: d_step { r==9 && me<2 && NW==2 && lock[1-me]==0 && BUSY(1-me) -> r=1-me; lock[1-me]=me+1 }

	/* sweep: what a dead producer left in tmp/ */
	:: d_step { r==9 && me<2 && cnt[TMP] > (elk!=0 -> 1 : 0) ->
		x=0; do :: x<NI && (P(cur[x])!=TMP || elk==x+1) -> x++ :: else -> break od;
		swp[me]=x+1 };
		if
		:: SEALED(x) ->
#ifndef NO_SWEEPSYNC
			if :: d_step { P(cur[x])==TMP && elk!=x+1 -> FSYNCD(x) } :: else fi;
#endif
			if :: d_step { P(cur[x])==TMP && elk!=x+1 -> move(x, CODE(NEW,0)) } :: else fi
		:: else ->
#ifdef BLOB
			if :: d_step { P(cur[x])==TMP && elk!=x+1 && bl[x] -> bl[x]=0; blu[x]=1 } :: else fi;
			SYNC_BLOB
#endif
			if :: d_step { P(cur[x])==TMP && elk!=x+1 && !SEALED(x) -> move(x, 0) } :: else fi
		fi;
		d_step { x=0; swp[me]=0 }

#ifdef QUICK
	/* idle: a spare, and what it asks for */
	:: d_step { r==9 && !settled && cnt[RDY]==0 -> create(x, CODE(RDY,gen%16), 0, 0); good[x]=0; gen++ };
		FDATASYNC(x)	/* a file that is used again: no name by A4 */
		x=0
	:: r==9 && !settled && cnt[RDY]>0 ->
#ifndef NO_SETTLE
		SYNC(SLOT(0))
#endif
		do :: d_step { cnt[OK(me)]>0 -> find(x, OK(me)); move(x, 0); x=0 } :: else -> break od;
		settled=1
#endif
	/* idle: the marks that are left */
	:: r==9 && cnt[OK(me)]>0 && !WAITING(me) ->
		SYNC(SLOT(me))
		do :: d_step { cnt[OK(me)]>0 -> find(x, OK(me)); move(x, 0); x=0 } :: else -> break od

	/* a transaction: C1 C2 (np==9: C3 as well) */
	:: atomic { r==9 && WAITING(me) ->
		L=0; do :: L<NI && !ISIN(me,L) -> L++ :: else -> break od;
#ifdef JOIN
		if
		:: true
		:: C=L+1; do :: C<NI && !ISIN(me,C) -> C++ :: else -> break od;
			if :: C<NI -> L=C :: else fi
		fi;
		if :: np=9 :: true fi;
#endif
#ifdef READY
		if
		:: !good[L] ->						/* C4: s0 */
			assert((mask[L]&acked)==0);
			move(L, 0); goto turn
		:: else
		fi;
#endif
		assert(good[L]);					/* NO TORN FILE */
		C=mask[L];
		d_step { move(L, CODE(IN(me),L)) } };
#ifdef JOIN
		if
		:: d_step { np==9 && WAITING(me) && CLEAN(L) ->
			L2=0; do :: L2<NI && !ISIN(me,L2) -> L2++ :: else -> break od;
			np=0;
			if
#ifdef READY
			:: !good[L2] -> assert((mask[L2]&acked)==0); L2=NI	/* it has a turn of its own */
#endif
			:: else ->
				assert(good[L2]);
				if :: CLEAN(L2) -> C=C|mask[L2]; move(L2, CODE(IN(me),L)) :: else -> L2=NI fi
			fi }
		:: else -> np=0
		fi;
#endif
#ifdef BLOB
		assert(bl[L]);						/* BLOB */
#endif
#ifdef POISON
		if
		:: d_step { me<2 && (C&BAD)!=0 && cc[L]<2 -> prog[me]=BAD; KILL(me) }; dead[me]
		:: else
		fi;
#endif
#ifdef QUICK
		if
		:: settled && L2==NI ->
			settled=0;
			d_step { find(x, RDY); mask[x]=C; good[x]=1; fsy[x]=0 };		/* Q1, and Q2 at the same time */
			if
			:: q2()
#ifndef NO_Q1
			;
				FDATASYNC(x)
#endif
				skip
			:: skip;
#ifndef NO_Q1
				FDATASYNC(x)
#endif
				q2()
			fi;
			d_step { move(x, CODE(Q1,0)) };					/* Q3 */
			d_step { move(L, CODE(OK(0),L)) };					/* Q4 */
			goto turn
		:: else -> settled=0
		fi;
#endif
		/* the step function: the records D are deferred, the rest goes on; or the disk is full */
		if
		:: me==2 -> part(R, C)
		:: atomic { me<2 ->
			if
			:: true
#if DEFERS
			:: defers>0 && (C&~BAD)!=0 -> defers--; D=C&~BAD
			:: defers>0 && C==3 && BAD==0 -> defers--; D=1
			:: defers>0 && C==3 && BAD==0 -> defers--; D=2
#endif
			fi;
#if NOSPC
			if :: nospc>0 -> nospc--; r=me; goto turn :: true fi;
#endif
			skip }
			if
#ifdef POISON
			:: (C&BAD)!=0 && C!=BAD -> D=0; part(NEW, C&~BAD)	/* split, nothing is run */
#endif
			:: (C&BAD)==0 && (C&~D)!=0 ->
				part(Q1, C&~D);
#if NOSPC
				if :: atomic { nospc>0 -> nospc--; r=me; goto turn } :: true fi;
#endif
#ifndef QUICK
				part(Q2, C&~D)
#endif
				skip
			:: else
			fi;
			if :: D!=0 -> part(DEF, D) :: else fi;
			if :: (C&BAD)!=0 -> part(FAIL, BAD) :: else fi
		fi;
#if defined(BLOB) && !defined(NO_B1)
		SYNC_BLOB							/* W4 */
#endif
		if
		:: L2==NI && np==1 && FAST ->				/* the single form */
			d_step { move(L, CODE(ONE(me),L)); findt(y, OUT(me), L); assert(y<NI) };	/* K1 */
			d_step { replace(y, L) };				/* K2 */
			d_step { move(y, CODE(dst[y],0)) }			/* K3 */
		:: else ->						/* the general form */
#if (defined(POWER) || defined(JORDER)) && !defined(NO_S0)
			if :: L2<NI || ALWAYS_S0 -> SYNC(SLOT(me)) skip :: else fi;	/* G1 */
#endif
#ifdef STATE
			d_step {							/* G2 */
				assert((counted & (C&~D))==0);		/* STATE ONCE */
				counted = counted | (C&~D);
				applied = (1<<L) | (L2<NI -> 1<<L2 : 0); dbT=L;
#ifdef QUICK
				rdC=0;
#endif
				skip
			};
#endif
			d_step { move(L, CODE(OK(me),L)) };				/* G3 */
#if !defined(NO_S) && !defined(STATE)
			SYNC(SLOT(me))							/* G4 */
#endif
			do :: d_step { cnt[OUT(me)]>0 -> find(y, OUT(me));		/* G6 */
				assert(T(cur[y])==L); move(y, CODE(dst[y],0)) }
			   :: else -> break od;
			do :: d_step { cnt[OK(me)]>1 -> x=0;				/* G5 */
				do :: x<NI && (P(cur[x])!=OK(me) || x==L) -> x++ :: else -> break od;
				move(x, 0) }
			   :: else -> break od;
			if :: atomic { L2<NI -> move(L2, 0) } :: else fi;		/* G7 */
#ifdef BLOB
			d_step { if :: bl[L] -> bl[L]=0; blu[L]=1 :: else fi };	/* G8 */
#ifndef NO_B2
			SYNC_BLOB
#endif
			SYNC(SLOT(me))
			d_step { move(L, 0) };
#endif
#ifdef EARLY_UNMARK
			d_step { move(L, 0) };
#endif
			skip
		fi;
turn:
		atomic { L=NI; L2=NI; x=0; y=0; C=0; D=0; np=0 }
	od
	} unless { dead[me] };
	dead[me]=0;
	if
	:: goto restart
	:: me==1 -> goto gone	/* never started again: its sibling must do */
	fi;
gone:
end_gone:
	dead[me] -> dead[me]=0; goto restart
}

#ifdef DESIGN
/* The first scheme: outputs in the output queues' tmp/, one rename of the input in cur/ commits,
   then the outputs go to new/ and the input is removed.  Nobody knows whose claim is whose. */
proctype First(byte me) {
	byte L, x, y, t;
restart:
	atomic { L=NI; x=0; y=0; t=0 };
	{
	do		/* names, not files: what is gone meanwhile is ENOENT */
	:: d_step { cnt[OK(0)]>0 -> find(x, OK(0)); t=T(cur[x]) };
		d_step { findt(y, T1, t); if :: y<NI -> move(y, CODE(Q1,0)) :: else fi };
		d_step { findt(y, T2, t); if :: y<NI -> move(y, CODE(Q2,0)) :: else fi };
		d_step { findt(y, OK(0), t); if :: y<NI -> move(y, 0) :: else fi }
	:: d_step { cnt[OK(0)]==0 && cnt[IN(0)]>0 -> find(x, IN(0)); t=T(cur[x]) };
		d_step { findt(y, T1, t); if :: y<NI -> move(y, 0) :: else fi };
		d_step { findt(y, T2, t); if :: y<NI -> move(y, 0) :: else fi };
		d_step { findt(y, IN(0), t); if :: y<NI -> move(y, CODE(NEW,0)) :: else fi }
	:: d_step { cnt[TMP]>0 && elk==0 -> find(x, TMP); move(x, 0) }
	:: d_step { cnt[OK(0)]==0 && cnt[IN(0)]==0 && cnt[T1]>0 -> find(y, T1); move(y, 0) }
	:: d_step { cnt[OK(0)]==0 && cnt[IN(0)]==0 && cnt[T2]>0 -> find(y, T2); move(y, 0) }
	:: else -> break
	od;
end:
	do
	:: d_step { cnt[NEW]>0 -> find(L, NEW); assert(good[L]); move(L, CODE(IN(0),L)) };
		d_step { create(x, CODE(T1,L), mask[L], Q1) }; FSYNC(x)
		d_step { create(x, CODE(T2,L), mask[L], Q2) }; FSYNC(x)
		d_step { findt(x, IN(0), L); if :: x<NI -> move(x, CODE(OK(0),L)) :: else fi };
#ifdef D_SYNC1
		SYNC(SLOT(0))
#endif
		d_step { findt(x, T1, L); if :: x<NI -> move(x, CODE(Q1,0)) :: else fi };
		d_step { findt(x, T2, L); if :: x<NI -> move(x, CODE(Q2,0)) :: else fi };
#ifdef D_SYNC2
		SYNC(Q1) SYNC(Q2)
#endif
		d_step { findt(x, OK(0), L); if :: x<NI -> move(x, 0) :: else fi; L=NI; x=0; y=0 }
	:: d_step { cnt[TMP]>0 && elk==0 -> find(x, TMP); move(x, 0); x=0 }
	od
	} unless { dead[me] };
	dead[me]=0;
	goto restart
}
#endif

proctype Edge() {
	byte f, m;
restart:
	atomic { f=0; m=0 };
	{
end:
	do
#ifdef READY
	:: d_step { next<NREC -> create(f, CODE(TMP,0), 0, NEW); good[f]=0; elk=f+1 };	/* made ready */
#ifndef NO_READYSYNC
		FSYNC(f)
#endif
		d_step { m=1<<next; mask[f]=m; next++; good[f]=1; fsy[f]=0 };	/* P2 */
		d_step { move(f, CODE(NEW,0)) };				/* P4 */
#ifndef NO_DSYNC_EDGE
		FDATASYNC(f)							/* P3 */
#endif
		d_step { acked=acked|m; elk=0; f=0; m=0 }			/* P5 */
#else
	:: d_step { next<NREC -> m=1<<next; create(f, CODE(TMP,0), m, NEW); good[f]=0; elk=f+1; next++ };	/* P1 */
		if								/* P2 */
		:: d_step { next<NREC -> m=m|(1<<next); mask[f]=m; next++; good[f]=1 }
		:: good[f]=1
		fi;
#ifndef NO_DSYNC_EDGE
		FSYNC(f)							/* P3 */
#endif
#ifdef BLOB
		d_step { bl[f]=1; blu[f]=1 };
		SYNC_BLOB
#endif
		d_step { move(f, CODE(NEW,0)) };				/* P4 */
#if defined(EDGE2) && !defined(NO_EDGESYNC)
		SYNC(NEW)
#endif
		d_step { acked=acked|m; elk=0; f=0; m=0 }			/* P5 */
#endif
	od
	} unless { dead[3] };
	dead[3]=0;
	goto restart
}

#define ALLDEAD swp[0]=0; swp[1]=0; lock[0]=0; lock[1]=0; lock[2]=0; elk=0; dead[0]=1; dead[1]=1; dead[2]=1; dead[3]=1
proctype Env() {		/* kill -9 and the power switch */
end:
	do
	:: atomic { kills>0 -> kills--;
		if
		:: d_step { KILL(0) }
#if NW == 2
		:: d_step { KILL(1) }
#endif
#ifndef NO_NEXT
		:: d_step { KILL(2) }
#endif
#ifndef PREFILL
		:: d_step { KILL(3) }
#endif
		fi }
#ifdef POWER
	:: atomic { losses>0 -> losses--;
		do		/* file by file, what replaced before what was replaced */
		:: true ->
			pi=0;
			do :: pi<NI && (done[pi] || rp[0]==pi+1 && !done[0] || rp[1]==pi+1 && !done[1]
				|| rp[2]==pi+1 && !done[2] || rp[3]==pi+1 && !done[3]
				|| rp[4]==pi+1 && !done[4] || rp[5]==pi+1 && !done[5]
				|| rp[6]==pi+1 && !done[6] || rp[7]==pi+1 && !done[7]
#if NI > 8
				|| rp[8]==pi+1 && !done[8] || rp[9]==pi+1 && !done[9]
#endif
#if NI > 10
				|| rp[10]==pi+1 && !done[10] || rp[11]==pi+1 && !done[11]
#endif
				) -> pi++
			   :: else -> break od;
			if
			:: pi>=NI -> break
			:: else ->	/* how many of its operations survive: any number */
				pk=hn[pi];
				if :: want[pi]==2 -> assert(pk>0); pk-- :: else fi;
				do :: want[pi]!=1 && pk>0 -> pk-- :: break od;
				skip;
				d_step {
					if :: rp[pi]!=0 -> want[rp[pi]-1] = (pk>=1 -> 1 : 2) :: else fi;
					if :: pk<hn[pi] -> cnt[P(cur[pi])]--; cur[pi]=h[pi*HL+pk]; cnt[P(cur[pi])]++ :: else fi;
					done[pi]=1
				};
				if :: cur[pi]!=0 && !fsy[pi] -> good[pi]=0 :: true fi
			fi
		od;
		skip;
		d_step {
			zi=0;
			do :: zi<NI ->
				do :: hn[zi]>0 -> hn[zi]--; h[zi*HL+hn[zi]]=0 :: else -> break od;
				rp[zi]=0; want[zi]=0; done[zi]=0;
				if :: cur[zi]==0 -> clear(zi) :: else -> fsy[zi]=1 fi;
				zi++
			   :: else -> break od;
			zi=0; pi=0; pk=0
		};
#ifdef BLOB
		do :: pi<NI -> if :: blu[pi] -> if :: bl[pi]=0 :: bl[pi]=1 fi; blu[pi]=0 :: else fi; pi++
		   :: else -> break od;
		pi=0;
#endif
		d_step { ALLDEAD } }
#endif
#ifdef JORDER
	:: d_step { losses>0 && !jv -> jsnap() }	/* the journal may stand here until the next fsync */
	:: atomic { losses>0 -> losses--;
		if :: jv -> d_step { jback() } :: true fi;
		d_step { jnone() };
		jx=0;
		do :: jx<NI -> if :: cur[jx]!=0 && !fsy[jx] -> good[jx]=0 :: true fi; fsy[jx]=(cur[jx]!=0); jx++
		   :: else -> break od;
		jx=0;
		d_step { ALLDEAD } }
#endif
	od
}

proctype Monitor() {
	byte i, a, b, c;
	atomic {
	timeout;		/* nothing can move any more */
	d_step {
	i=0;
	do
	:: i<NI ->		/* NO LITTER */
#ifdef QUICK
		if :: P(cur[i])==RDY -> mask[i]=0 :: else fi;
		assert(cur[i]==0 || P(cur[i])==RDY || P(cur[i])==R || P(cur[i])==FAIL);
#else
		assert(cur[i]==0 || P(cur[i])==R || P(cur[i])==Q2 || P(cur[i])==FAIL);
#endif
		if
		:: P(cur[i])==R -> assert((a & mask[i])==0 && good[i]); a = a|mask[i]
		:: P(cur[i])==Q2 -> assert((b & mask[i])==0 && good[i]); b = b|mask[i]
		:: P(cur[i])==FAIL -> assert((c & mask[i])==0 && good[i]); c = c|mask[i]
		:: else
		fi;
#ifdef BLOB
		assert(bl[i] == (cur[i]!=0));			/* BLOB */
#endif
		i++
	:: else -> break
	od;
#ifndef QUICK
	assert(a==b);						/* BOTH OR NONE */
#endif
	assert((a&c)==0);
	assert((c & ~BAD)==0 && (a & BAD)==0);
	assert((acked & ~(a|c))==0);				/* NO LOSS */
#ifdef STATE
	assert(counted==a);					/* STATE ONCE */
#endif
	i=0; a=0; b=0; c=0
	} }
}

init {
	atomic {
	cnt[0]=NI;
#ifdef DESIGN
	run First(0);
#if NW == 2
	run First(1);
#endif
#else
	run Worker(0);
#if NW == 2
	run Worker(1);
#endif
#endif
#ifndef NO_NEXT
	run Worker(2);
#endif
#ifdef PREFILL
	do :: next<NREC -> d_step { cnt[0]--; cnt[NEW]++; cur[next]=CODE(NEW,0); mask[next]=1<<next;
			good[next]=1; fsy[next]=1; acked=acked|(1<<next); next++;
#ifdef BLOB
			bl[next-1]=1;
#endif
			skip }
	   :: else -> break od;
#else
	run Edge();
#endif
	run Env();
	run Monitor()
	}
}
