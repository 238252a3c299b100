create index asset_needs_proxy on asset (created_at) where needs_proxy;

create index asset_sha256 on asset (project_id, sha256) where sha256 is not null;
