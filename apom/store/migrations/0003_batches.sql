-- A batch: what it was estimated at in the project's currency, and what of it was ordered again. `is_batch`: one of many.
alter table batch add column amount double precision;
alter table batch add column currency text;
alter table batch add column is_batch boolean default false;
alter table batch add column retry_token text;
alter table generation add column retried_at timestamptz;
alter table ledger_entry add column batch_id uuid;
update ledger_entry set batch_id = g.batch_id from generation g where g.id = ledger_entry.generation_id;
update batch set is_batch = false, recipe = cast('{"prompts": [' || cast(recipe->'prompt' as text) || '], "models": ['
    || cast(recipe->'model' as text) || '], "boxes": [' || cast(recipe->'box' as text) || '], "n": '
    || cast(recipe->'n' as text) || '}' as json);
-- A run of a job is told from another by its owner: one that was taken over writes nothing more.
alter table job add column owner text;
