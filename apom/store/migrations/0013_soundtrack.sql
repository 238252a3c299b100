-- What plays under the cut as a round froze it.
alter table round add column soundtrack_asset_id uuid;
