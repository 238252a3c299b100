create index asset_missing on asset (missing_at) where missing_at is not null;
create index sweep_at on sweep (happened_at desc);
