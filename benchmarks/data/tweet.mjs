import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';

/**
 * The document that all others are made from: `tweet.json` of the drivers' common benchmark where `folder`
 * has it, else one of the same keys, types and lengths.
 *
 * @param {string | undefined} folder
 */
export function readTweet(folder) {
  const file = folder === undefined ? undefined : path.join(folder, 'tweet.json');
  if (file === undefined || !existsSync(file)) return { tweet: generatedTweet, generated: true };
  return { tweet: JSON.parse(readFileSync(file, 'utf8')), generated: false };
}

const generatedTweet = {
  text: '@gardener are those the early ones....',
  in_reply_to_status_id: 20000000001,
  retweet_count: null,
  contributors: null,
  created_at: 'Fri Oct 01 08:00:00 +0000 2010',
  geo: null,
  source: 'web',
  coordinates: null,
  in_reply_to_screen_name: 'gardener',
  truncated: false,
  entities: {
    user_mentions: [
      { indices: [0, 9], screen_name: 'gardener', name: 'Some Other Person', id: 40000001 },
    ],
    urls: [],
    hashtags: [],
  },
  retweeted: false,
  place: null,
  user: {
    friends_count: 180,
    profile_sidebar_fill_color: '777777',
    location: 'A Town, and another one',
    verified: false,
    follow_request_sent: null,
    favourites_count: 0,
    profile_sidebar_border_color: 'aaaaaa',
    profile_image_url:
      'http://images.example.com/profile_images/1000000001/A_picture_of_someone_2010-10-01_at_08.00_normal.png',
    geo_enabled: false,
    created_at: 'Fri Aug 01 00:00:00 +0000 2008',
    description: 'grows plants, with a love of soil, rain, seeds, pots, and all that comes of it!',
    time_zone: 'Mountain Time (US & Canada)',
    url: 'http://someone.example.com/',
    screen_name: 'someone',
    notifications: null,
    profile_background_color: '333333',
    listed_count: 1,
    lang: 'en',
    profile_background_image_url:
      'http://images.example.com/profile_background_images/100000001/A_background.png',
    statuses_count: 1000,
    following: null,
    profile_text_color: 'ddaa99',
    protected: false,
    show_all_inline_media: false,
    profile_background_tile: true,
    name: 'Someone Else',
    contributors_enabled: false,
    profile_link_color: '333333',
    followers_count: 220,
    id: 15000001,
    profile_use_background_image: true,
    utc_offset: -25200,
  },
  favorited: false,
  in_reply_to_user_id: 40000001,
  id: 20000000002,
};
