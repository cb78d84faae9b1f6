/*
 * capture.c
 *		The hooks: every integrity error of this session is copied when it is
 *		raised, whether or not somebody catches it.
 *
 * PostgreSQL has no hook for "an error was raised".  emit_log_hook sees only
 * errors that nobody catches, and only if log_min_messages lets them through.
 * PG_TRY around the executor misses what a PL/pgSQL block raises and catches
 * by itself.  What is called for every error, at the moment it is raised, are
 * the error context callbacks.  So one callback of ours, "the watcher", is kept
 * at the far end of error_context_stack.
 *
 * Why the far end, and why a single static entry.  An entry at the end has no
 * predecessor to restore, so nobody has to take it away again: it outlives the
 * hook that put it there and is also in place while a transaction commits and
 * deferred constraints are checked, where no hook runs.  As it is static and
 * its "previous" is always NULL, no longjmp, however wild, can leave a pointer
 * to a dead stack frame, or a loop, behind it.  The usual pops (to the saved
 * pointer, or to top->previous) pass over it.  Entries pushed and popped by
 * each hook call would be the other way; they would be called once for every
 * level of nesting, and would not be there at COMMIT.
 *
 * The watcher disappears when somebody restores a stack pointer saved before
 * it came: a PG_TRY does that at its end, the error handlers of the main loops
 * set the stack to NULL.  So it is put back wherever we are called: at the end
 * of each transaction and subtransaction, after parse analysis, and before the
 * executor or a utility command starts.  In the simple protocol parse analysis
 * is outside PortalRun's PG_TRY, so that the watcher stays for the commit; in
 * the extended protocol it stays behind the entry that exec_execute_message()
 * has on the stack.  What remains is a commit that fails at the end of the very
 * statement that loaded the library; only emit_log_hook sees that one.
 *
 * Looking whether the watcher is there means walking the stack, which has no
 * other entry at top level and grows by two or three for each nested function
 * call.
 *
 * Was it caught?  emit_log_hook is called for uncaught errors, but log settings
 * can keep it from being called.  Therefore an error that was just raised is
 * "in flight" until the watcher or one of the hooks is called again, or a hook
 * returns: all of which shows that execution went on or that another error took
 * its place.  If the transaction or subtransaction aborts while the error is in
 * flight and the context stack is empty, then it is the main loop's handler
 * that aborts, and the error has gone to the client: inside any function the
 * watcher itself would be on the stack.  This conclusion needs hooks around
 * everything, so it is not drawn in the transaction that loaded the library
 * (its outermost statement began without our hooks) nor without a query string
 * (fast-path function calls pass no hook).  Whatever is not proven uncaught
 * counts as caught, which shows it to fewer people.  (An exception block that
 * runs SQL and then re-raises by a bare RAISE is such a case, if the log does
 * not get the error.)
 *
 * Rules for the watcher and emit_log_hook: they run while an error is being
 * reported, so they take no lock, look into no catalog, raise no error, and
 * allocate only what may fail.  The one exception is CopyErrorData(), the only
 * way to the error's texts; it is called after asking whether that much memory
 * is to be had.
 */
#include "postgres.h"

#include "access/parallel.h"
#include "access/xact.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "parser/analyze.h"
#include "tcop/tcopprot.h"
#include "tcop/utility.h"
#include "utils/guc.h"
#include "utils/memutils.h"

#include "capture.h"
#include "compat.h"
#include "latest.h"
#include "pending.h"

/* Of an error whose texts, context included, are longer we keep no text. */
#define DG_COPY_MAX		((Size) 64 * 1024 * 1024)

static void watch_error(void *arg);

static ErrorContextCallback watcher = {NULL, watch_error, NULL};

/* duplicate_guard.log_integrity_errors */
static bool log_integrity_errors = true;

static bool error_in_flight = false;
static bool abort_tells = false;	/* false in the loading transaction */

static MemoryContext copy_context = NULL;	/* empty between errors */

static emit_log_hook_type prev_emit_log = NULL;
static post_parse_analyze_hook_type prev_post_parse_analyze = NULL;
static ExecutorRun_hook_type prev_ExecutorRun = NULL;
static ExecutorFinish_hook_type prev_ExecutorFinish = NULL;
static ProcessUtility_hook_type prev_ProcessUtility = NULL;

static void after_parse_analyze(ParseState *pstate, Query *query,
								DG_JUMBLE_STATE *jstate);
static void run_executor(DG_EXECUTOR_RUN_PARAMETERS);
static void finish_executor(QueryDesc *queryDesc);
static void process_utility(PlannedStmt *pstmt, const char *queryString,
							bool readOnlyTree, ProcessUtilityContext context,
							ParamListInfo params, QueryEnvironment *queryEnv,
							DestReceiver *dest, QueryCompletion *qc);
static void end_transaction(XactEvent event, void *arg);
static void end_subtransaction(SubXactEvent event, SubTransactionId mySubid,
							   SubTransactionId parentSubid, void *arg);
static void emit_log(ErrorData *edata);
static void note(const ErrorData *edata, const char *message_id);
static void note_uncaught(void);
static void watch(void);
static void go_on(void);
static void abort_reached(void);
static bool is_watched(int sqlerrcode);
static bool is_integrity_violation(int sqlerrcode);
static bool is_row_security(const char *message_id);
static bool memory_for_copy(void);

/*
 * Install the hooks.  The memory is reserved here, where running out of it is
 * an ordinary error.  In the postmaster nothing is watched: its children begin
 * with their first transaction.
 */
void
dg_capture_init(void)
{
	dg_latest_init();
	dg_pending_init();
	DefineCustomBoolVariable("duplicate_guard.log_integrity_errors",
							 "Writes integrity violations to the server log.",
							 "When it is off, they still go to the client.",
							 &log_integrity_errors, true, PGC_SUSET,
							 0, NULL, NULL, NULL);
	copy_context = AllocSetContextCreate(TopMemoryContext,
										 "duplicate_guard error copy",
										 ALLOCSET_SMALL_SIZES);

	prev_emit_log = emit_log_hook;
	emit_log_hook = emit_log;
	prev_post_parse_analyze = post_parse_analyze_hook;
	post_parse_analyze_hook = after_parse_analyze;
	prev_ExecutorRun = ExecutorRun_hook;
	ExecutorRun_hook = run_executor;
	prev_ExecutorFinish = ExecutorFinish_hook;
	ExecutorFinish_hook = finish_executor;
	prev_ProcessUtility = ProcessUtility_hook;
	ProcessUtility_hook = process_utility;

	RegisterXactCallback(end_transaction, NULL);
	RegisterSubXactCallback(end_subtransaction, NULL);

	if (!process_shared_preload_libraries_in_progress)
		watch();
}

/* post_parse_analyze_hook: before a statement is planned. */
static void
after_parse_analyze(ParseState *pstate, Query *query, DG_JUMBLE_STATE *jstate)
{
	go_on();
	if (prev_post_parse_analyze)
		prev_post_parse_analyze(pstate, query, jstate);
}

/* ExecutorRun_hook: for statements that were parsed before. */
static void
run_executor(DG_EXECUTOR_RUN_PARAMETERS)
{
	go_on();
	if (prev_ExecutorRun)
		prev_ExecutorRun(DG_EXECUTOR_RUN_ARGUMENTS);
	else
		standard_ExecutorRun(DG_EXECUTOR_RUN_ARGUMENTS);
	error_in_flight = false;
}

/*
 * ExecutorFinish_hook: AFTER triggers.  What another module's ExecutorRun_hook
 * has around ours (auto_explain's PG_TRY) may have removed the watcher.
 */
static void
finish_executor(QueryDesc *queryDesc)
{
	go_on();
	if (prev_ExecutorFinish)
		prev_ExecutorFinish(queryDesc);
	else
		standard_ExecutorFinish(queryDesc);
	error_in_flight = false;
}

/*
 * ProcessUtility_hook: DDL, CALL, DO, SET CONSTRAINTS; and DISCARD ALL, which
 * forgets the error once it has succeeded.  *pstmt is looked at beforehand,
 * since a command that ends the transaction may free it.
 */
static void
process_utility(PlannedStmt *pstmt, const char *queryString,
				bool readOnlyTree, ProcessUtilityContext context,
				ParamListInfo params, QueryEnvironment *queryEnv,
				DestReceiver *dest, QueryCompletion *qc)
{
	bool		discard_all;

	discard_all = IsA(pstmt->utilityStmt, DiscardStmt) &&
				  ((DiscardStmt *) pstmt->utilityStmt)->target == DISCARD_ALL;

	go_on();
	if (prev_ProcessUtility)
		prev_ProcessUtility(pstmt, queryString, readOnlyTree, context,
							params, queryEnv, dest, qc);
	else
		standard_ProcessUtility(pstmt, queryString, readOnlyTree, context,
								params, queryEnv, dest, qc);
	error_in_flight = false;

	if (discard_all)
		dg_latest_forget();
}

/*
 * Transaction callback: an abort may tell that the error was not caught, and
 * the watcher is put back for the next transaction.  A commit says nothing; an
 * error caught on the way to it is settled there.
 */
static void
end_transaction(XactEvent event, void *arg)
{
	switch (event)
	{
		case XACT_EVENT_ABORT:
			abort_reached();
			watch();
			abort_tells = true;
			dg_pending_flush();
			break;
		case XACT_EVENT_COMMIT:
		case XACT_EVENT_PREPARE:
			go_on();
			abort_tells = true;
			dg_pending_flush();
			break;
		default:
			break;
	}
}

/*
 * Subtransaction callback: an uncaught error behind a SAVEPOINT aborts only the
 * subtransaction, until the client says ROLLBACK.
 */
static void
end_subtransaction(SubXactEvent event, SubTransactionId mySubid,
				   SubTransactionId parentSubid, void *arg)
{
	if (event == SUBXACT_EVENT_ABORT_SUB)
	{
		abort_reached();
		watch();
		dg_pending_make_room();
	}
}

/*
 * emit_log_hook: an error that goes to the log goes to the client as well, so
 * nobody caught it.  The watcher has usually seen it before; what it has not
 * seen is copied now.  message_id is left out then, as it may point to memory
 * of somebody who caught the error, copied it and threw it again.  That also
 * leaves out row security, which cannot be told without; the watcher sees it.
 *
 * log_integrity_errors is heeded after the next hook in the chain has been
 * called: other modules' own logs are not ours.  FATAL and worse is no
 * statement's expected failure and stays in the log.
 */
static void
emit_log(ErrorData *edata)
{
	if (edata->elevel >= ERROR && !IsParallelWorker())
	{
		error_in_flight = false;
		if (!dg_latest_is(edata) && is_watched(edata->sqlerrcode) &&
			edata->sqlerrcode != ERRCODE_INSUFFICIENT_PRIVILEGE)
			note(edata, NULL);
		if (dg_latest_is(edata))
			note_uncaught();
	}

	if (prev_emit_log)
		prev_emit_log(edata);
	if (!log_integrity_errors && edata->elevel == ERROR &&
		is_integrity_violation(edata->sqlerrcode))
		edata->output_to_server = false;
}

/*
 * An error was raised.  Serialization failures and deadlocks are no violation
 * of any constraint, so the statistics leave them out.
 */
static void
note(const ErrorData *edata, const char *message_id)
{
	dg_latest_set(edata, message_id);
	if (is_integrity_violation(edata->sqlerrcode) ||
		edata->sqlerrcode == ERRCODE_INSUFFICIENT_PRIVILEGE)
		dg_pending_add(edata, message_id);
	else
		dg_pending_add_none();
}

/* The error noted last has reached the client. */
static void
note_uncaught(void)
{
	if (dg_latest_set_uncaught())
		dg_pending_set_uncaught();
}

/*
 * This error, which we have caught, is going to be raised once more, by what
 * we try next: so the statistics do not count it now.
 */
void
dg_capture_repeats(const ErrorData *edata)
{
	if (dg_latest_is(edata))
		dg_pending_take_back();
}

/*
 * The watcher: called while an error, or any lesser message, is being reported,
 * after all other context callbacks, in ErrorContext.  GetErrorContextStack()
 * calls it too, with an SQLSTATE of zeros.
 *
 * elevel is known only after copying.  In a critical section, where the error
 * has become a PANIC, nothing may be allocated.
 */
static void
watch_error(void *arg)
{
	MemoryContext caller_context;
	ErrorData  *edata;
	int			sqlerrcode;

	error_in_flight = false;
	sqlerrcode = geterrcode();
	if (!is_watched(sqlerrcode) || CritSectionCount > 0)
		return;

	if (!memory_for_copy())
	{
		ErrorData	bare = {0};

		bare.sqlerrcode = sqlerrcode;
		if (sqlerrcode != ERRCODE_INSUFFICIENT_PRIVILEGE)
			note(&bare, NULL);
		return;
	}

	caller_context = MemoryContextSwitchTo(copy_context);
	edata = CopyErrorData();
	if (edata->elevel >= ERROR &&
		(sqlerrcode != ERRCODE_INSUFFICIENT_PRIVILEGE ||
		 is_row_security(edata->message_id)))
	{
		note(edata, edata->message_id);
		error_in_flight = abort_tells && debug_query_string != NULL;
	}
	MemoryContextSwitchTo(caller_context);
	MemoryContextReset(copy_context);
}

/*
 * Put the watcher at the end of the context stack, if it is not on the stack.
 * A parallel worker's errors are raised again in the leader, which watches.
 */
static void
watch(void)
{
	ErrorContextCallback **link = &error_context_stack;

	if (IsParallelWorker())
		return;
	while (*link != NULL)
	{
		if (*link == &watcher)
			return;
		link = &(*link)->previous;
	}
	watcher.previous = NULL;
	*link = &watcher;
}

/* Execution goes on: whatever was in flight has been caught. */
static void
go_on(void)
{
	error_in_flight = false;
	watch();
}

/*
 * A transaction or subtransaction aborts.  See the head comment for why an
 * empty context stack means that the error is the client's.
 */
static void
abort_reached(void)
{
	if (error_in_flight && error_context_stack == NULL)
	{
		note_uncaught();
		error_in_flight = false;
	}
}

/*
 * The SQLSTATEs that integrity_error has a kind for.  42501 is mostly a missing
 * privilege, which is none of ours: see is_row_security().
 */
static bool
is_watched(int sqlerrcode)
{
	return is_integrity_violation(sqlerrcode) ||
		   sqlerrcode == ERRCODE_INSUFFICIENT_PRIVILEGE ||
		   sqlerrcode == ERRCODE_T_R_SERIALIZATION_FAILURE ||
		   sqlerrcode == ERRCODE_T_R_DEADLOCK_DETECTED;
}

/*
 * Does the SQLSTATE say that a row breaks a rule of its table or view?  Row
 * security has none of its own.
 */
static bool
is_integrity_violation(int sqlerrcode)
{
	return ERRCODE_TO_CATEGORY(sqlerrcode) ==
			   ERRCODE_INTEGRITY_CONSTRAINT_VIOLATION ||
		   sqlerrcode == ERRCODE_WITH_CHECK_OPTION_VIOLATION;
}

/* Is a 42501 with this (untranslated) message about a row? */
static bool
is_row_security(const char *message_id)
{
	return message_id != NULL &&
		   strstr(message_id, "row violates row-level security policy") != NULL;
}

/*
 * May CopyErrorData() be called?  All texts of the error are in ErrorContext,
 * so its size bounds theirs; small texts can waste as much again in the copy.
 * Not only the limit counts: running out of memory in CopyErrorData would
 * replace the user's error by another one.
 */
static bool
memory_for_copy(void)
{
	Size		size = 2 * MemoryContextMemAllocated(ErrorContext, true);
	void	   *trial;

	if (size > 2 * DG_COPY_MAX)
		return false;
	trial = MemoryContextAllocExtended(copy_context, size,
									   MCXT_ALLOC_HUGE | MCXT_ALLOC_NO_OOM);
	if (trial == NULL)
		return false;
	pfree(trial);
	return true;
}
