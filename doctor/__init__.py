"""What `parcours doctor` looks at: settings, servers, providers, names and addresses."""
