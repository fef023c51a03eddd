import { query } from "../../../support/postgres.ts";
import { newPostgresDatabase } from "../../../support/postgres-database.ts";

/**
 * A database with what we read and call of the catalogue of Citus, on a server of the tests' own. Its tables stay
 * where they are, so this tells what is asked for and what is refused, and not what the engine makes of it: for that
 * let GIRAFFE_TEST_POSTGRES_URL name a real cluster.
 *
 * @param options.group Of the node that is asked; 0 is the coordinator.
 * @param options.settings Of the second worker, in place of those of the server.
 */
export async function newCatalogue({
  group = 0,
  settings = {},
}: {
  readonly group?: number;
  readonly settings?: Readonly<Record<string, string>>;
} = {}): Promise<string> {
  const url = await newPostgresDatabase();
  await query(
    url,
    `create table pg_dist_local_group (groupid integer);
     insert into pg_dist_local_group values (${group});
     create table pg_dist_node (
       nodeid integer, groupid integer, nodename text, nodeport integer, noderole text,
       isactive boolean default true, shouldhaveshards boolean, answers boolean default true
     );
     insert into pg_dist_node (nodeid, groupid, nodename, nodeport, noderole, shouldhaveshards) values
       (1, 0, 'c', 1, 'primary', false), (2, 1, 'w', 1, 'primary', true),
       (3, 2, 'w', 2, 'primary', true), (4, 2, 'w', 3, 'secondary', true);
     create table pg_dist_partition (
       ordinal serial, logicalrelid regclass, partmethod text, repmodel text, called text
     );
     create function create_reference_table(t regclass) returns void language sql as
       $$ insert into pg_dist_partition (logicalrelid, partmethod, repmodel, called)
          values (t, 'n', 't', 'everywhere') $$;
     create function create_distributed_table(
       t regclass, by text, colocate_with text default 'default', shard_count integer default null
     ) returns void language sql as
       $$ insert into pg_dist_partition (logicalrelid, partmethod, repmodel, called)
          values (t, 'h', 's', concat_ws(' ', by, colocate_with, shard_count)) $$;
     create function citus_check_connection_to_node(name text, port integer) returns boolean
       language sql as
       $$ select answers from pg_dist_node where nodename = name and nodeport = port $$;
     create table worker_settings (name text, value text);
     create function run_command_on_all_nodes(
       command text, out nodeid integer, out success boolean, out result text
     ) returns setof record language plpgsql as $$
       declare own json;
       begin
         execute command into own;
         return query select n.nodeid, n.answers, (
           own::jsonb || '{ "max_prepared_transactions": "100" }' || case when n.nodeid = 3 then (
             select coalesce(jsonb_object_agg(name, value), '{}') from worker_settings
           ) else '{}' end
         )::text from pg_dist_node n where n.noderole = 'primary';
       end $$;
     insert into worker_settings select * from json_each_text('${JSON.stringify(settings)}')`,
  );
  return url;
}

/** Let a worker of `newCatalogue` answer, or not. */
export function setAnswers(url: string, port: number, answers: boolean) {
  return query(
    url,
    `update pg_dist_node set answers = ${answers} where nodename = 'w' and nodeport = ${port}`,
  );
}
