export { CredentialCallbacks } from './credential-callbacks';
export {
  givenOptions,
  noteOnMain,
  optionsForWorkers,
  optionThatCannotCross,
} from './transferable-options';
