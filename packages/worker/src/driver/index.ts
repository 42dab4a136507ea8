export { withReadPreference } from './read-preference';
export { replyBytes } from './reply-bytes';
