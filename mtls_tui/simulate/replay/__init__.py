"""A log's requests under a policy: what each would get, counted, compared and reported."""
