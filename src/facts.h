/*
 * facts.h
 *		What an error says, by its fields, its text and the catalog.
 */
#ifndef DG_FACTS_H
#define DG_FACTS_H

#include "postgres.h"

#include "access/attnum.h"
#include "access/htup.h"
#include "nodes/pg_list.h"

#include "error_fields.h"
#include "site.h"

/*
 * The error's own words, taken apart; reading.c.  All strings are copies in
 * the current context or belong to the caller.
 */
typedef struct DgReading
{
	const DgSite *site;			/* NULL: no message that we know */
	bool		by_message_id;	/* known without reading the text */
	char		sqlstate[6];	/* empty: not known */
	const char *message;
	const char *detail;
	const char *hint;
	int			detail_form;	/* index into dg_details, or -1 */
	DgKind		detail_kind;	/* what errors have such a DETAIL */
	bool		foreign;		/* another server's: not about our tables */
	bool		exact_key;		/* the key's end is beyond doubt */
	bool		exact_names;	/* and so are the message's names */
	const char *detail_table;	/* the table that the DETAIL names */
	const char *named[DG_NROLES];	/* by role; NULL: not named */
	DgRole		last_role;		/* what the message's last name stands for */
	List	   *longer_names;	/* other places where that name may end */
	List	   *longer_messages;	/* and the messages with these names */
} DgReading;

/* The names that the catalog is searched for. */
typedef struct DgNames
{
	const char *schema;
	const char *table;
	const char *column;
	const char *constraint;
	const char *datatype;		/* from the field: bare */
	const char *domain_text;	/* from the text: as format_type() has it */
	const char *referenced;
	bool		by_fields;		/* schema and table or type as the server
								 * filled them in */
} DgNames;

/* What integrity_error says. */
typedef struct DgFacts
{
	DgKind		kind;
	const char *message;
	const char *schema_name;
	const char *table_name;
	const char *partition_name;
	const char *constraint_name;
	List	   *columns;		/* of char *; NIL: not known */
	int			nkey_values;	/* 0: not known */
	const char **key_values;	/* element NULL: null, or not known */
	const char *referenced_table;
	List	   *referenced_columns;
	const char *datatype_name;
	const char *referenced_noun;	/* bare name, for sentences */
	const char *comment;		/* on what was violated */
	bool		resolved;		/* the catalog knows what was violated */
} DgFacts;

/* One element of a key. */
typedef struct DgKeyElement
{
	Oid			type;
	bool		maybe_null;		/* NULL may have been printed as null */
} DgKeyElement;

/* A key as the catalog knows it. */
typedef struct DgKey
{
	int			nelements;		/* 0: not known */
	DgKeyElement *elements;
	const char *text;			/* as the server prints it: a, lower(b) */
	List	   *columns;		/* names, those inside expressions too */
	const char *other_table;	/* of a foreign key: what its DETAIL names */
} DgKey;

/* reading.c */
extern void dg_reading_make(DgReading *reading, const DgErrorFields *error);

/* facts.c */
extern DgKind dg_facts_kind(const DgReading *reading, const DgNames *names);
extern void dg_facts_gather(DgFacts *facts, const DgErrorFields *error,
							DgReading *reading);

/* shard.c */
extern bool dg_shard_name_table(DgNames *names, DgReading *reading);

/* resolve.c, resolve_foreign_key.c, resolve_domain.c */
extern void dg_resolve(DgFacts *facts, DgKey *key, const DgNames *names,
					   const DgReading *reading);
extern void dg_resolve_name_table(DgFacts *facts, Oid declared, Oid violated);
extern void dg_resolve_foreign_key(DgFacts *facts, DgKey *key,
								   const DgNames *names,
								   const DgReading *reading);
extern void dg_resolve_domain(DgFacts *facts, const DgNames *names);
extern void dg_resolve_domain_text(const char *text, const char **schema,
								   const char **name);

/* resolve_quoted.c */
extern void dg_resolve_quoted(DgFacts *facts, DgKey *key,
							  const DgReading *reading);
extern void dg_resolve_side(DgFacts *facts, DgKey *key, const DgNames *names,
							const DgReading *reading);

/* candidate_objects.c */
extern List *dg_candidate_relations(const DgNames *names);
extern List *dg_candidate_constraints(const DgNames *names, char contype);

/* lookup.c */
extern Oid	dg_lookup_relation(const char *schema, const char *name);
extern List *dg_lookup_relations(const char *name);
extern Oid	dg_lookup_domain(const char *schema, const char *name);
extern List *dg_lookup_domains(const char *name);
extern List *dg_lookup_domain_columns(Oid domain);
extern Oid	dg_lookup_constraint(Oid relid, const char *name, char contype);
extern List *dg_lookup_constraints(const char *name, char contype);
extern Oid	dg_lookup_not_null(Oid relid, const char *column);
extern Oid	dg_lookup_extension_schema(void);
extern Oid	dg_lookup_topmost(Oid relid);
extern char *dg_lookup_regclass(Oid relid);
extern char *dg_lookup_type_name(Oid type);
extern List *dg_lookup_constraint_columns(HeapTuple tuple, AttrNumber column,
										  Oid relid);
extern const char *dg_lookup_comment(Oid object, Oid catalog);

/* key.c */
extern void dg_key_of_index(DgKey *key, Oid indexid);
extern void dg_key_of_partitions(DgKey *key, Oid relid);
extern void dg_key_of_columns(DgKey *key, Oid relid, List *columns);
extern bool dg_key_begins(const DgKey *key, const char *text,
						  const char *between, const char **values);
extern bool dg_key_may_be_in(const DgKey *key, const char *detail);
extern char *dg_key_join(List *names);
extern const char **dg_key_split(const DgKey *key, const char *values);
extern void dg_key_guess(DgKey *key, const char *columns);

/* advice.c */
extern const char *dg_advice_condition(const char *sqlstate);
extern const char *dg_advice_retry(DgKind kind, const DgReading *reading);
extern int	dg_advice_http_status(DgKind kind);
extern const char *dg_advice_remedy(DgKind kind, const DgReading *reading);
extern const char *dg_advice_user_message(const DgFacts *facts,
										  const DgReading *reading);

#endif							/* DG_FACTS_H */
