#!/usr/bin/env node
// Stands in the repository, so that an install before the first build can link the command.
import '../dist/bin.js';
