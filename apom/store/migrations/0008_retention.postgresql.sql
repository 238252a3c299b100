create index asset_leaves on asset (leaves_at) where leaves_at is not null;
create index asset_trashed on asset (trashed_at) where trashed_at is not null;
create index asset_purged on asset (purged_at) where purged_at is not null;
create index retention_run_at on retention_run (happened_at desc);
