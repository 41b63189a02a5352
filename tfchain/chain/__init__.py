"""How state moves: genesis, execute, settle, admit, audit, query. All of it pure."""
